// PieceTable.swift: the byte strings of a vocabulary by id, and the id of a byte string.
// One allocation for the bytes and one open-addressing table: a vocabulary of 200,000 tokens is
// ready in milliseconds. When two tokens have the same bytes, the lower id is found.
import Core

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

struct PieceTable: Sendable {
    private let bytes: FrozenArray<UInt8>
    private let offsets: FrozenArray<UInt32>        // [count + 1]
    private let slots: FrozenArray<UInt64>          // hash tag << 32 | id + 1; 0 is empty
    private let mask: Int
    let count: Int
    /// The longest indexed piece, in bytes: longer strings need no look-up.
    let longest: Int

    /// Keeps `pieces` by id; those for which `isIndexed` holds are found by their bytes.
    init(_ pieces: [[UInt8]], isIndexed: (Int) -> Bool) {
        count = pieces.count
        var ends: [UInt32] = [0]
        ends.reserveCapacity(pieces.count + 1)
        var total = 0
        for piece in pieces {
            total += piece.count
            ends.append(UInt32(total))
        }
        offsets = FrozenArray(ends)
        bytes = FrozenArray(repeating: 0, count: total) { base in
            for (index, piece) in pieces.enumerated() {
                piece.withUnsafeBufferPointer { source in
                    guard let first = source.baseAddress else { return }
                    (base + Int(ends[index])).update(from: first, count: source.count)
                }
            }
        }
        var capacity = 16
        while capacity < pieces.count * 2 { capacity *= 2 }
        let mask = capacity - 1
        self.mask = mask
        let text = UnsafePointer(bytes.base)
        var longest = 0
        slots = FrozenArray(repeating: 0, count: capacity) { base in
            for (index, piece) in pieces.enumerated() where !piece.isEmpty && isIndexed(index) {
                let start = text + Int(ends[index])
                longest = max(longest, piece.count)
                PieceTable.insert(
                    index, start, piece.count, base, mask, text: text, ends: ends)
            }
        }
        self.longest = longest
    }

    private static func insert(
        _ index: Int, _ start: UnsafePointer<UInt8>, _ length: Int,
        _ slots: UnsafeMutablePointer<UInt64>, _ mask: Int,
        text: UnsafePointer<UInt8>, ends: [UInt32]
    ) {
        let hash = ByteHash.hash(start, length)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = slots[slot]
            if entry >> 32 == hash >> 32 {
                let other = Int(entry & 0xFFFF_FFFF) - 1
                let begin = Int(ends[other])
                if Int(ends[other + 1]) - begin == length, memcmp(text + begin, start, length) == 0 {
                    return
                }
            }
            slot = (slot + 1) & mask
        }
        slots[slot] = (hash >> 32) << 32 | UInt64(index + 1)
    }

    /// The id of these bytes, or -1.
    @inline(__always)
    func id(of start: UnsafePointer<UInt8>, _ length: Int) -> TokenID {
        if length > longest { return -1 }
        let hash = ByteHash.hash(start, length)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while true {
            let entry = slots.base[slot]
            if entry == 0 { return -1 }
            if entry >> 32 == hash >> 32 {
                let id = Int(entry & 0xFFFF_FFFF) - 1
                let begin = Int(offsets.base[id])
                if Int(offsets.base[id + 1]) - begin == length,
                    memcmp(bytes.base + begin, start, length) == 0
                {
                    return TokenID(truncatingIfNeeded: id)
                }
            }
            slot = (slot + 1) & mask
        }
    }

    func id(of piece: [UInt8]) -> TokenID {
        piece.withUnsafeBufferPointer { source in
            guard let first = source.baseAddress else { return -1 }
            return id(of: first, source.count)
        }
    }

    func bytes(of id: TokenID) -> UnsafeBufferPointer<UInt8> {
        let begin = Int(offsets.base[Int(id)])
        let end = Int(offsets.base[Int(id) + 1])
        return UnsafeBufferPointer(start: bytes.base + begin, count: end - begin)
    }
}
