// CheckpointError+Description.swift: a refusal in one line for a person.

import Glibc
import JSON

extension CheckpointError: CustomStringConvertible {
    public var description: String {
        var text = Self.printable(path) + ": "
        switch subject {
        case .file: break
        case .header: text += "header: "
        case .key(let name): text += "key \"\(Self.printable(name))\": "
        case .tensor(let name): text += "tensor \"\(Self.printable(name))\": "
        }
        text += fault.description
        // A JSON error names its own byte.
        if let offset, !fault.namesItsOffset { text += " (at byte \(offset))" }
        return text
    }

    /// Names and paths of at most this many characters are shown whole.
    static let shownCharactersMax = 200

    /// `text` without control characters and not longer than a line.
    static func printable(_ text: String) -> String {
        var result = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < shownCharactersMax else { return result + "…" }
            let isControl = scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value)
            result += isControl ? scalar.escaped(asASCII: true) : String(scalar)
        }
        return result
    }
}

extension CheckpointError.Fault: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let operation, let code):
            "cannot \(operation): \(String(cString: strerror(code)))"
        case .notRegularFile: "not a regular file"
        case .empty: "the file is empty"
        case .missingFile(let name): "needs \(CheckpointError.printable(name)), which is not there"
        case .unsafeFileName(let name):
            "\"\(CheckpointError.printable(name))\" cannot be the name of a file here"
        case .changedWhileOpen(let before, let now):
            "the file changed or failed while it was read: \(before) bytes at first, \(now) now"
        case .invalidJSON(let reason): reason.description
        case .notFirstShard(let number, let count):
            "this is shard \(number) of \(count); open shard 1 of \(count)"
        case .shardNameMismatch(let count):
            "declares \(count) shards, so its name must end in -00001-of-\(paddedCount(count)).gguf"
        case .shardMismatch(let expected, let found): "expected \(expected), found \(found)"
        case .missingTensor(let file):
            "the index puts it in \(CheckpointError.printable(file)), which does not have it"
        default: layoutDescription
        }
    }

    fileprivate var namesItsOffset: Bool {
        if case .invalidJSON = self { true } else { false }
    }

    private func paddedCount(_ count: Int) -> String {
        let digits = String(count)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    /// Faults of the bytes inside one file.
    private var layoutDescription: String {
        switch self {
        case .wrongMagic(let bytes): "not a GGUF file: begins with bytes \(bytes)"
        case .unsupportedVersion(let version):
            version.byteSwapped < version
                ? "a big-endian file of GGUF version \(version.byteSwapped)"
                : "GGUF version \(version); 2 and 3 can be read"
        case .truncated(let needed, let left): "needs \(needed) bytes, \(left) are left in the file"
        case .overLimit(let quantity, let value, let limit):
            "\(quantity) is \(value), the limit is \(limit)"
        case .unknownType(let number):
            "type \(number)" + (GGUFTypeNames.name(of: number).map { " (\($0))" } ?? "")
                + " is not supported"
        case .unknownElementType(let name):
            "element type \"\(CheckpointError.printable(name))\" is not supported"
        case .invalidUTF8: "not valid UTF-8"
        case .invalidBoolean(let byte): "a boolean is 0 or 1, found \(byte)"
        case .invalidAlignment(let value):
            "alignment \(value) is not a power of two from 1 to \(CheckpointLimits.alignmentMax)"
        case .duplicate: "occurs twice"
        case .wrongKind(let expected): "expected \(expected)"
        case .misaligned(let alignment): "does not begin at a multiple of \(alignment)"
        case .emptyDimension(let index): "dimension \(index) is zero"
        case .overflow: "its size does not fit in 63 bits"
        case .partialBlock(let elements, let block):
            "rows of \(elements) elements do not fill blocks of \(block)"
        case .pastEnd(let end, let limit): "ends at byte \(end), the file at byte \(limit)"
        case .overlap(let other, let end):
            "overlaps \"\(CheckpointError.printable(other))\", which ends at byte \(end)"
        case .hole(let bytes): "\(bytes) bytes that belong to no tensor"
        case .sizeMismatch(let declared, let expected):
            "its range has \(declared) bytes, its shape and type need \(expected)"
        case .invalidRange(let begin, let end):
            "its range \(begin) ..< \(end) runs backwards or is negative"
        default: "refused"
        }
    }
}
