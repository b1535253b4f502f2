// PackedFolderError+Description.swift: why packed weights are not used or not kept, for a person.
import Compute
import Foundation

extension PackedFolderError: CustomStringConvertible {
    var description: String {
        switch self {
        case .folderTooSmall(let bytes, let limit):
            "they take \(ByteSize.about(bytes)), and model.packed_bytes_max is \(ByteSize.about(limit))"
        case .diskTooFull(let bytes, let free):
            "they take \(ByteSize.about(bytes)), which is more than half of the \(ByteSize.about(free)) that are free"
        case .file(let error): error.description
        }
    }
}

extension PackedFileError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let operation, let code):
            "cannot \(operation) the file: \(String(cString: strerror(code)))"
        case .notOwn(let mode, let owner):
            "the file belongs to user \(owner) with mode \(String(mode & 0o7777, radix: 8)), where it must be this "
                + "user's regular file that nobody else may write"
        case .malformed(let fact, let value, let expected):
            "the file's \(fact) is \(value), not \(expected)"
        case .otherVersion: "another version packed them"
        case .beingWritten: "another process is writing the file"
        }
    }
}
