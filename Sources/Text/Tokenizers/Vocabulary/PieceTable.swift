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

final class PieceTable: Sendable {
    /// The table without its owner, for loops that must not count references. Valid while the
    /// table lives.
    struct View: @unchecked Sendable {
        fileprivate let bytes: UnsafePointer<UInt8>
        fileprivate let offsets: UnsafePointer<UInt32>  // [count + 1]
        fileprivate let slots: UnsafePointer<UInt64>  // hash tag << 32 | id + 1; 0 is empty
        fileprivate let mask: Int
        /// The longest indexed piece, in bytes: longer strings need no look-up.
        fileprivate let longest: Int

        /// The id of these bytes, or -1.
        @inline(__always)
        func id(of start: UnsafePointer<UInt8>, _ length: Int) -> TokenID {
            if length > longest { return -1 }
            return id(of: start, length, hash: ByteHash.hash(start, length))
        }

        @inline(__always)
        func id(of start: UnsafePointer<UInt8>, _ length: Int, hash: UInt64) -> TokenID {
            var slot = Int(truncatingIfNeeded: hash) & mask
            while true {
                let entry = slots[slot]
                if entry == 0 { return -1 }
                if entry >> 32 == hash >> 32 {
                    let id = Int(entry & 0xFFFF_FFFF) - 1
                    let begin = Int(offsets[id])
                    if Int(offsets[id + 1]) - begin == length,
                        memcmp(bytes + begin, start, length) == 0
                    {
                        return TokenID(truncatingIfNeeded: id)
                    }
                }
                slot = (slot + 1) & mask
            }
        }
    }

    let view: View
    let count: Int
    private let bytes: FrozenArray<UInt8>
    private let offsets: FrozenArray<UInt32>
    private let slots: FrozenArray<UInt64>

    /// Keeps `pieces` by id; those for which `isIndexed` holds are found by their bytes.
    init(_ pieces: [[UInt8]], isIndexed: (Int) -> Bool) {
        count = pieces.count
        var total = 0
        offsets = FrozenArray(repeating: 0, count: pieces.count + 1) { ends in
            for (index, piece) in pieces.enumerated() {
                total += piece.count
                ends[index + 1] = UInt32(truncatingIfNeeded: total)
            }
        }
        let ends = UnsafePointer(offsets.base)
        bytes = FrozenArray(repeating: 0, count: total) { base in
            for (index, piece) in pieces.enumerated() {
                piece.withUnsafeBufferPointer { source in
                    guard let first = source.baseAddress else { return }
                    (base + Int(ends[index])).update(from: first, count: source.count)
                }
            }
        }
        let indexed = pieces.indices.filter { isIndexed($0) && ends[$0] < ends[$0 + 1] }
        var capacity = 16
        while capacity < indexed.count * 2 { capacity *= 2 }
        let mask = capacity - 1
        let text = UnsafePointer(bytes.base)
        var longest = 0
        slots = FrozenArray(repeating: 0, count: capacity) { base in
            for index in indexed {
                longest = max(longest, Int(ends[index + 1] - ends[index]))
                PieceTable.insert(index, base, mask, text, ends)
            }
        }
        view = View(bytes: text, offsets: ends, slots: slots.base, mask: mask, longest: longest)
    }

    private static func insert(
        _ index: Int, _ slots: UnsafeMutablePointer<UInt64>, _ mask: Int,
        _ text: UnsafePointer<UInt8>, _ ends: UnsafePointer<UInt32>
    ) {
        let start = text + Int(ends[index])
        let length = Int(ends[index + 1] - ends[index])
        let hash = ByteHash.hash(start, length)
        var slot = Int(truncatingIfNeeded: hash) & mask
        while slots[slot] != 0 {
            let entry = slots[slot]
            if entry >> 32 == hash >> 32 {
                let other = Int(entry & 0xFFFF_FFFF) - 1
                let begin = Int(ends[other])
                if Int(ends[other + 1]) - begin == length, memcmp(text + begin, start, length) == 0
                {
                    return
                }
            }
            slot = (slot + 1) & mask
        }
        slots[slot] = (hash >> 32) << 32 | UInt64(index + 1)
    }

    func id(of piece: [UInt8]) -> TokenID {
        piece.withUnsafeBufferPointer { source in
            guard let first = source.baseAddress, !source.isEmpty else { return -1 }
            return view.id(of: first, source.count)
        }
    }

    @inline(__always)
    func bytes(of id: TokenID) -> UnsafeBufferPointer<UInt8> {
        let begin = Int(offsets.base[Int(id)])
        let end = Int(offsets.base[Int(id) + 1])
        return UnsafeBufferPointer(start: bytes.base + begin, count: end - begin)
    }
}
