// CheckpointError.swift: why a checkpoint was refused.
// It never decides; it carries the facts: which file, which key or tensor, at which byte, against
// which limit. Names come from hostile files, so the text that a person reads escapes them.

import JSON

/// A checkpoint that cannot be used, with the place and the number that decided it.
public struct CheckpointError: Error, Sendable, Hashable {
    /// What the fault is about.
    public enum Subject: Sendable, Hashable {
        /// The file or directory as a whole.
        case file
        /// Its fixed fields: magic, version, counts, header length.
        case header
        /// One metadata key, or one name in a JSON file.
        case key(String)
        /// One tensor by name.
        case tensor(String)
    }

    /// The rule that was broken.
    public enum Fault: Sendable, Hashable {
        case system(operation: String, code: Int32)
        case notRegularFile
        case empty
        case missingFile(String)
        case unsafeFileName(String)
        case changedWhileOpen(bytesBefore: Int, bytesNow: Int)
        case wrongMagic([UInt8])
        case unsupportedVersion(UInt32)
        case truncated(bytesNeeded: UInt64, bytesLeft: Int)
        case overLimit(quantity: String, value: UInt64, limit: Int)
        case unknownType(UInt32)
        case unknownElementType(String)
        case invalidUTF8
        case invalidBoolean(UInt8)
        case invalidAlignment(UInt64)
        case duplicate
        case wrongKind(expected: String)
        case misaligned(alignment: Int)
        case emptyDimension(index: Int)
        case overflow
        case partialBlock(elements: Int, blockElements: Int)
        case pastEnd(end: UInt64, limit: Int)
        case overlap(with: String, endsAt: Int)
        case hole(bytes: Int)
        case sizeMismatch(declared: Int, expected: Int)
        case invalidRange(begin: Int, end: Int)
        case invalidJSON(JSONError)
        case notFirstShard(number: Int, count: Int)
        case shardNameMismatch(count: Int)
        case shardMismatch(expected: Int, found: Int)
        case missingTensor(file: String)
    }

    public let path: String
    public let subject: Subject
    /// Byte in the file at which the fault lies, where one can be named.
    public let offset: Int?
    public let fault: Fault

    public init(path: String, subject: Subject = .file, offset: Int? = nil, fault: Fault) {
        self.path = path
        self.subject = subject
        self.offset = offset
        self.fault = fault
    }
}
