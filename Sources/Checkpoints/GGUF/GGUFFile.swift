// GGUFFile.swift: one GGUF file, version 2 or 3: metadata and where each tensor lies.
// It checks everything that a file can lie about and keeps nothing that failed a check.
// Source: the GGUF specification.
//
// file:  magic u32 | version u32 | tensor count u64 | key count u64
//        keys:    name, type u32, value
//        tensors: name, dimension count u32, dimensions u64 (innermost first), type u32, offset u64
//        padding to the alignment | data: each tensor at its offset, a multiple of the alignment

import Core

struct GGUFFile {
    let mapping: Mapping
    let version: UInt32
    let metadata: [String: GGUFValue]
    /// Where each key begins in the file, for whoever refuses its value.
    let keyOffsets: [String: Int]
    let tensors: [TensorSlice]

    static let magic: [UInt8] = Array("GGUF".utf8)
    static let alignmentDefault = 32
    /// Name length, no dimensions, type and offset: the smallest tensor entry.
    private static let tensorEntryBytesMin = 8 + 4 + 4 + 8
    /// Name length, type and one byte of value: the smallest key entry.
    private static let keyEntryBytesMin = 8 + 4 + 1

    init(path: String) throws(CheckpointError) {
        let mapping = try Mapping(path: path)
        var cursor = GGUFCursor(path: path, bytes: mapping.bytes)
        version = try Self.readVersion(&cursor)
        let tensorCount = try cursor.readCount(
            bytesMin: Self.tensorEntryBytesMin, limit: CheckpointLimits.tensorsMax,
            quantity: "tensor count")
        let keyCount = try cursor.readCount(
            bytesMin: Self.keyEntryBytesMin, limit: CheckpointLimits.keysMax, quantity: "key count")
        (metadata, keyOffsets) = try Self.readMetadata(&cursor, count: keyCount)
        let alignment = try Self.alignment(metadata, keyOffsets, path: path)
        var entries = try Self.readEntries(&cursor, count: tensorCount, alignment: alignment)
        if !entries.isEmpty {
            try Self.place(&entries, in: mapping, dataStart: cursor.offset.roundedUp(to: alignment))
        }
        tensors = entries.map { entry in
            TensorSlice(
                name: entry.name, shape: entry.shape, format: entry.format,
                range: entry.begin..<(entry.begin + entry.byteCount), owner: mapping)
        }
        try mapping.requireUnchanged()
        self.mapping = mapping
    }

    private static func readVersion(_ cursor: inout GGUFCursor) throws(CheckpointError) -> UInt32 {
        guard cursor.bytes.prefix(magic.count).elementsEqual(magic) else {
            throw cursor.error(.wrongMagic(Array(cursor.bytes.prefix(magic.count))))
        }
        cursor.offset = magic.count
        let version = try cursor.read(UInt32.self)
        guard version == 2 || version == 3 else {
            throw cursor.error(.unsupportedVersion(version), at: magic.count)
        }
        return version
    }

    private static func readMetadata(
        _ cursor: inout GGUFCursor, count: Int
    ) throws(CheckpointError) -> ([String: GGUFValue], offsets: [String: Int]) {
        var metadata: [String: GGUFValue] = [:]
        var offsets: [String: Int] = [:]
        metadata.reserveCapacity(count)
        for _ in 0..<count {
            cursor.subject = .header
            let start = cursor.offset
            let name = try cursor.readString(
                limit: CheckpointLimits.nameBytesMax, quantity: "key length")
            cursor.subject = .key(name)
            let type = try cursor.readType()
            let value = try cursor.readValue(of: type)
            guard metadata.updateValue(value, forKey: name) == nil else {
                throw cursor.error(.duplicate, at: start)
            }
            offsets[name] = start
        }
        cursor.subject = .header
        return (metadata, offsets)
    }

    private static func alignment(
        _ metadata: [String: GGUFValue], _ offsets: [String: Int], path: String
    ) throws(CheckpointError) -> Int {
        let key = "general.alignment"
        guard let value = metadata[key] else { return alignmentDefault }
        guard case .uint32(let alignment) = value else {
            throw CheckpointError(
                path: path, subject: .key(key), offset: offsets[key],
                fault: .wrongKind(expected: "a uint32"))
        }
        guard alignment > 0, alignment & (alignment - 1) == 0,
            alignment <= CheckpointLimits.alignmentMax
        else {
            throw CheckpointError(
                path: path, subject: .key(key), offset: offsets[key],
                fault: .invalidAlignment(UInt64(alignment)))
        }
        return Int(alignment)
    }
}

extension Int {
    /// The next multiple of a power of two.
    func roundedUp(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
