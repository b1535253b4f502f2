// MergeTable.swift: which two neighbouring tokens join, in which order, and into what.
// Open addressing over the two ids; a look-up touches one cache line almost always.
import Core

final class MergeTable: Sendable {
    struct Entry: BitwiseCopyable, Sendable {
        var pair: UInt64  // left id << 32 | right id; `vacant` marks an empty slot
        var rank: UInt32
        var merged: TokenID
    }

    /// The table without its owner, for loops that must not count references. Valid while the
    /// table lives.
    struct View: @unchecked Sendable {
        fileprivate let entries: UnsafePointer<Entry>
        fileprivate let mask: Int

        /// Rank `noRank` when the two do not join.
        @inline(__always)
        func merge(_ left: TokenID, _ right: TokenID) -> (rank: UInt32, merged: TokenID) {
            let pair = MergeTable.key(left, right)
            var slot = Int(truncatingIfNeeded: ByteHash.mix(pair)) & mask
            while true {
                let entry = entries[slot]
                if entry.pair == pair { return (entry.rank, entry.merged) }
                if entry.pair == MergeTable.vacant { return (MergeTable.noRank, -1) }
                slot = (slot + 1) & mask
            }
        }
    }

    fileprivate static let vacant = UInt64.max
    static let noRank = UInt32.max
    let view: View
    private let entries: FrozenArray<Entry>

    /// Builds the table from merges in rank order; of two equal pairs the earlier one counts.
    init(count: Int, next: () -> (left: TokenID, right: TokenID, merged: TokenID)?) {
        var capacity = 16
        while capacity * 5 < count * 8 { capacity *= 2 }
        let mask = capacity - 1
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
        view = View(entries: entries.base, mask: mask)
    }

    @inline(__always)
    fileprivate static func key(_ left: TokenID, _ right: TokenID) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }
}
