// MergeTable.swift: which two neighbouring tokens join, in which order, and into what.
// Open addressing over the two ids; a look-up touches one cache line almost always.
import Core

struct MergeTable: Sendable {
    struct Entry: BitwiseCopyable, Sendable {
        var pair: UInt64            // left id << 32 | right id; `vacant` marks an empty slot
        var rank: UInt32
        var merged: TokenID
    }

    private static let vacant = UInt64.max
    static let noRank = UInt32.max
    private let entries: FrozenArray<Entry>
    private let mask: Int

    /// Builds the table from merges in rank order; of two equal pairs the earlier one counts.
    init(count: Int, next: () -> (left: TokenID, right: TokenID, merged: TokenID)?) {
        var capacity = 16
        while capacity * 5 < count * 8 { capacity *= 2 }
        let mask = capacity - 1
        self.mask = mask
        let empty = Entry(pair: Self.vacant, rank: Self.noRank, merged: -1)
        entries = FrozenArray(repeating: empty, count: capacity) { base in
            var rank: UInt32 = 0
            while let (left, right, merged) = next() {
                let pair = Self.key(left, right)
                var slot = Int(truncatingIfNeeded: ByteHash.mix(pair)) & mask
                while base[slot].pair != Self.vacant, base[slot].pair != pair {
                    slot = (slot + 1) & mask
                }
                if base[slot].pair == Self.vacant {
                    base[slot] = Entry(pair: pair, rank: rank, merged: merged)
                }
                rank += 1
            }
        }
    }

    @inline(__always)
    private static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Rank `noRank` when the two do not join.
    @inline(__always)
    func merge(_ left: TokenID, _ right: TokenID) -> (rank: UInt32, merged: TokenID) {
        let pair = Self.key(left, right)
        var slot = Int(truncatingIfNeeded: ByteHash.mix(pair)) & mask
        while true {
            let entry = entries.base[slot]
            if entry.pair == pair { return (entry.rank, entry.merged) }
            if entry.pair == Self.vacant { return (Self.noRank, -1) }
            slot = (slot + 1) & mask
        }
    }
}
