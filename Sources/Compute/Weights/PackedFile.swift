// PackedFile.swift: packed pieces as an earlier start left them, mapped and only read.
// A file is written whole under another name, then renamed: nobody ever sees half of one, and one that
// is mapped keeps its bytes. Numbers are in the machine's own order; another machine's do not pass.
//
//   header    magic, version, fingerprint, length of the file, number of pieces, hash of the directory
//   directory per piece: kind, content, offset, bytes, output scale; 64 bits each
//   pieces    from a page boundary on, each at a multiple of 64
import Foundation

/// Why a packed file is not used, or cannot be written.
public enum PackedFileError: Error, Equatable, Sendable {
    case system(operation: String, code: Int32)
    /// Not a regular file, not this user's, or one that others may write.
    case notOwn(mode: UInt32, owner: UInt32)
    case malformed(fact: String, value: Int, expected: Int)
    /// Another version of this program packs otherwise.
    case otherVersion
    /// Another process writes the same file.
    case beingWritten
}

final class PackedFile {
    static let magic: UInt64 = 0x316b_6361_706d_6b74
    /// Raise it when what is packed changes in a way that `PackedForms.fingerprint` does not see.
    static let version: UInt64 = 1
    static let headerWords = 6, entryWords = 5
    /// A model has some hundred to some ten thousand matrices.
    static let piecesMax = 1 << 20

    struct Piece {
        let key: PieceKey
        let base: UnsafeMutableRawPointer
        let bytes: Int
        let outputScale: Float
    }

    /// Whether products may read it in place: from small pages they get less of the memory's bandwidth.
    let isInHugePages: Bool
    private let memory: DeviceMemory
    private let pieces: [PieceKey: Piece]

    init(path: String, team: WorkerTeam) throws(PackedFileError) {
        let (descriptor, length) = try Self.open(path)
        defer { close(descriptor) }
        let hugeBefore = Self.fileBytesInHugePages
        do throws(MemoryError) {
            memory = try DeviceMemory(file: descriptor, bytes: length)
        } catch {
            throw .system(operation: "map", code: ENOMEM)
        }
        pieces = try Self.directory(UnsafeRawBufferPointer(start: memory.base, count: length))
        let failure = memory.read(team)
        // Systems older than the request read pages when they are touched.
        guard failure == 0 || failure == EINVAL else { throw .system(operation: "read", code: failure) }
        isInHugePages = (Self.fileBytesInHugePages - hugeBefore) * 10 >= length * 9
        // The folder drops what was used longest ago.
        futimens(descriptor, nil)
    }

    func piece(_ key: PieceKey) -> Piece? { pieces[key] }

    private static func open(_ path: String) throws(PackedFileError) -> (descriptor: Int32, length: Int) {
        let descriptor = Foundation.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { throw .system(operation: "open", code: errno) }
        var status = stat()
        fstat(descriptor, &status)
        let isOwn = status.st_uid == geteuid() && status.st_mode & (S_IWGRP | S_IWOTH) == 0
        guard status.st_mode & S_IFMT == S_IFREG, isOwn else {
            close(descriptor)
            throw .notOwn(mode: status.st_mode, owner: status.st_uid)
        }
        guard status.st_size >= headerWords * 8 else {
            close(descriptor)
            throw .malformed(fact: "bytes of the file", value: Int(status.st_size), expected: headerWords * 8)
        }
        return (descriptor, Int(status.st_size))
    }

    private static func directory(
        _ file: UnsafeRawBufferPointer
    ) throws(PackedFileError) -> [PieceKey: Piece] {
        let word = { (index: Int) in file.load(fromByteOffset: index * 8, as: UInt64.self) }
        try require("magic", word(0), magic)
        guard word(1) == version, word(2) == PackedForms.fingerprint else { throw .otherVersion }
        try require("length", word(3), UInt64(file.count))
        let count = word(4)
        guard count <= piecesMax, directoryEnd(pieces: Int(count)) <= file.count else {
            throw .malformed(fact: "pieces", value: Int(truncatingIfNeeded: count), expected: piecesMax)
        }
        let start = headerWords * 8, end = directoryEnd(pieces: Int(count))
        var hash = StableHash()
        hash.absorb(UnsafeRawBufferPointer(rebasing: file[start..<end]))
        try require("directory", word(5), hash.value)
        var pieces: [PieceKey: Piece] = [:]
        for index in 0..<Int(count) {
            let first = headerWords + index * entryWords
            let offset = Int(truncatingIfNeeded: word(first + 2)), bytes = Int(truncatingIfNeeded: word(first + 3))
            guard offset >= end, offset <= file.count, offset % DeviceArena.alignment == 0 else {
                throw .malformed(fact: "offset of a piece", value: offset, expected: end)
            }
            guard bytes >= 0, bytes <= file.count - offset else {
                throw .malformed(fact: "bytes of a piece", value: bytes, expected: file.count - offset)
            }
            let key = PieceKey(kind: word(first), content: word(first + 1))
            pieces[key] = Piece(
                key: key, base: UnsafeMutableRawPointer(mutating: file.baseAddress! + offset), bytes: bytes,
                outputScale: Float(bitPattern: UInt32(truncatingIfNeeded: word(first + 4))))
        }
        return pieces
    }

    private static func require(_ fact: String, _ value: UInt64, _ expected: UInt64) throws(PackedFileError) {
        guard value == expected else {
            throw .malformed(
                fact: fact, value: Int(truncatingIfNeeded: value), expected: Int(truncatingIfNeeded: expected))
        }
    }

    static func directoryEnd(pieces: Int) -> Int { (headerWords + pieces * entryWords) * 8 }

    /// Of all files that this process has mapped.
    private static var fileBytesInHugePages: Int {
        guard let text = try? String(contentsOfFile: "/proc/self/smaps_rollup", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("FilePmdMapped:") }),
            let kilobytes = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) })
        else { return 0 }
        return kilobytes << 10
    }
}
