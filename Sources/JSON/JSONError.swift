// JSONError.swift: where a text stops being JSON, and why.

/// A refusal of a JSON text.
public struct JSONError: Error, Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case unexpectedEnd
        case unexpectedByte(UInt8)
        case trailingByte(UInt8)
        case invalidNumber
        /// A number beyond the range of a double.
        case numberOutOfRange
        case invalidEscape
        /// `\ud800` without its other half.
        case loneSurrogate
        /// An unescaped control character in a string.
        case controlCharacter(UInt8)
        case invalidUTF8
        case duplicateKey(String)
        case tooDeep(limit: Int)
        case tooManyValues(limit: Int)
        case tooLarge(bytes: Int, limit: Int)
    }

    /// Of the first byte at fault, from the start of the text.
    public let offset: Int
    public let kind: Kind

    public init(offset: Int, kind: Kind) {
        self.offset = offset
        self.kind = kind
    }
}

extension JSONError: CustomStringConvertible {
    public var description: String { "\(words) at byte \(offset)" }

    private var words: String {
        switch kind {
        case .unexpectedEnd: "the JSON text ends too early"
        case .unexpectedByte(let byte): "unexpected \(name(of: byte))"
        case .trailingByte(let byte): "unexpected \(name(of: byte)) after the JSON value"
        case .invalidNumber: "not a JSON number"
        case .numberOutOfRange: "number beyond the range of a double"
        case .invalidEscape: "invalid escape in a string"
        case .loneSurrogate: "escaped surrogate without its pair"
        case .controlCharacter(let byte): "unescaped control character \(byte) in a string"
        case .invalidUTF8: "invalid UTF-8"
        case .duplicateKey(let key): "key \"\(key.prefix(64))\" appears twice in one object"
        case .tooDeep(let limit): "nested deeper than the limit of \(limit)"
        case .tooManyValues(let limit): "more values than the limit of \(limit)"
        case .tooLarge(let bytes, let limit): "\(bytes) bytes exceed the limit of \(limit)"
        }
    }

    private func name(of byte: UInt8) -> String {
        (0x21...0x7E).contains(byte)
            ? "\"\(Unicode.Scalar(byte))\"" : "byte 0x\(String(byte, radix: 16))"
    }
}
