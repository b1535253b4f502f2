// MergeModel.swift: byte-pair encoding, of bytes or of characters, by merge list or by score.
// One idea: neighbouring symbols join, best rank first and leftmost on ties, until none can.
// Short words are merged by scanning, long ones with a heap, so a megabyte without a break costs
// n log n. Sources: Sennrich et al. 2016; SentencePiece's BPE; tiktoken.
import Core

final class MergeModel: Sendable {
    enum Order: Sendable {
        /// A list of pairs in rank order.
        case pairs(MergeTable)
        /// Two symbols join when their text is a piece; lower `ranks[id]` first. SentencePiece and
        /// tiktoken.
        case pieces(ranks: FrozenArray<UInt32>)
    }

    /// Either table, stripped for the merge loops.
    private enum Ranking: @unchecked Sendable {
        case pairs(MergeTable.View)
        case pieces(UnsafePointer<UInt32>)
    }

    private let pieces: PieceTable
    private let order: Order
    /// The token of each byte value where every byte is a symbol; nil where characters are.
    private let byteSymbols: FrozenArray<TokenID>?
    /// Whether a word that is a piece is taken whole, before any merge.
    private let takesWholeWords: Bool
    let unknown: UnknownPolicy
    private let lookup: PieceTable.View
    private let ranking: Ranking
    /// Words up to this many symbols are merged by scanning: cheaper than a heap, though quadratic.
    private static let scannedSymbolsMax = 32

    init(
        pieces: PieceTable, order: Order, byteSymbols: FrozenArray<TokenID>?, takesWholeWords: Bool,
        unknown: UnknownPolicy
    ) {
        self.pieces = pieces
        self.order = order
        self.byteSymbols = byteSymbols
        self.takesWholeWords = takesWholeWords
        self.unknown = unknown
        lookup = pieces.view
        switch order {
        case .pairs(let table): ranking = .pairs(table.view)
        case .pieces(let ranks): ranking = .pieces(ranks.base)
        }
    }

    /// Appends the ids of one word, at least one byte long.
    @inline(__always)
    func encode(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: inout EncodeScratch) {
        if count > WordCache.wordBytesMax {
            merge(word, count, &scratch)
            return
        }
        let hash = ByteHash.hash(word, count)
        if scratch.words.append(word, count, hash: hash, to: &scratch.output) { return }
        let start = scratch.output.count
        merge(word, count, &scratch)
        scratch.words.remember(word, count, hash: hash, scratch.output, from: start)
    }

    @inline(never)
    private func merge(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: inout EncodeScratch) {
        if takesWholeWords {
            let id = lookup.id(of: word, count)
            if id >= 0 {
                scratch.output.append(id)
                return
            }
        }
        let start = scratch.output.count
        let symbols = scratch.merging.reserve(count)
        let symbolCount = seed(word, count, symbols)
        if symbolCount <= Self.scannedSymbolsMax {
            let left = mergeByScanning(word, symbolCount, symbols)
            for index in 0..<left {
                let begin = Int(symbols.starts[index])
                append(
                    symbols.ids[index], word + begin, Int(symbols.starts[index + 1]) - begin,
                    from: start, to: &scratch.output)
            }
        } else {
            mergeByHeap(word, symbolCount, symbols, &scratch.merging.heap)
            var index = 0
            while index < symbolCount {
                let after = Int(symbols.next[index])
                let begin = Int(symbols.starts[index])
                append(
                    symbols.ids[index], word + begin, Int(symbols.starts[after]) - begin,
                    from: start, to: &scratch.output)
                index = after
            }
        }
    }

    /// Fills `starts` and `ids` with the first symbols and returns how many there are.
    private func seed(_ word: UnsafePointer<UInt8>, _ count: Int, _ symbols: MergeBuffers.Symbols)
        -> Int
    {
        let (starts, ids) = (symbols.starts, symbols.ids)
        if let byteSymbols {
            let table = byteSymbols.base
            for index in 0..<count {
                starts[index] = Int32(truncatingIfNeeded: index)
                ids[index] = table[Int(word[index])]
            }
            starts[count] = Int32(truncatingIfNeeded: count)
            return count
        }
        var offset = 0
        var found = 0
        while offset < count {
            let width = min(UTF8Width.of(leading: word[offset]), count - offset)
            starts[found] = Int32(truncatingIfNeeded: offset)
            ids[found] = lookup.id(of: word + offset, width)
            found += 1
            offset += width
        }
        starts[found] = Int32(truncatingIfNeeded: count)
        return found
    }

    /// The rank at which symbols `left` and `right` join (lower first), and the piece they become.
    @inline(__always)
    private func candidate(
        _ word: UnsafePointer<UInt8>, _ left: Int, _ right: Int, end: Int,
        _ symbols: MergeBuffers.Symbols
    ) -> (rank: UInt32, merged: TokenID) {
        switch ranking {
        case .pairs(let table):
            let first = symbols.ids[left]
            let second = symbols.ids[right]
            if first < 0 || second < 0 { return (MergeTable.noRank, -1) }
            return table.merge(first, second)
        case .pieces(let ranks):
            let begin = Int(symbols.starts[left])
            let id = lookup.id(of: word + begin, Int(symbols.starts[end]) - begin)
            return id < 0 ? (MergeTable.noRank, -1) : (ranks[Int(id)], id)
        }
    }

    /// Leaves the merged symbols at the front of the buffers and returns how many are left.
    private func mergeByScanning(
        _ word: UnsafePointer<UInt8>, _ symbolCount: Int, _ symbols: MergeBuffers.Symbols
    ) -> Int {
        var count = symbolCount
        let (starts, ids, ranks, merged) = (
            symbols.starts, symbols.ids, symbols.ranks, symbols.merged
        )
        for index in 0..<max(0, count - 1) {
            (ranks[index], merged[index]) = candidate(
                word, index, index + 1, end: index + 2, symbols)
        }
        while count > 1 {
            var best = MergeTable.noRank
            var place = 0
            for index in 0..<(count - 1) where ranks[index] < best {
                best = ranks[index]
                place = index
            }
            if best == MergeTable.noRank { break }
            ids[place] = merged[place]
            let moved = count - place - 2
            (starts + place + 1).update(from: starts + place + 2, count: moved + 1)
            (ids + place + 1).update(from: ids + place + 2, count: moved)
            (ranks + place).update(from: ranks + place + 1, count: moved)
            (merged + place).update(from: merged + place + 1, count: moved)
            count -= 1
            if place + 1 < count {
                (ranks[place], merged[place]) = candidate(
                    word, place, place + 1, end: place + 2, symbols)
            }
            if place > 0 {
                (ranks[place - 1], merged[place - 1]) = candidate(
                    word, place - 1, place, end: place + 1, symbols)
            }
        }
        return count
    }

    /// Leaves the merged symbols linked by `next` from symbol 0 on; `starts[symbolCount]` is the
    /// end.
    private func mergeByHeap(
        _ word: UnsafePointer<UInt8>, _ symbolCount: Int, _ symbols: MergeBuffers.Symbols,
        _ heap: inout MergeHeap
    ) {
        let (ids, ranks, merged) = (symbols.ids, symbols.ranks, symbols.merged)
        let (next, previous) = (symbols.next, symbols.previous)
        heap.removeAll()
        ranks[symbolCount - 1] = MergeTable.noRank
        for index in 0..<symbolCount {
            next[index] = Int32(truncatingIfNeeded: index + 1)
            previous[index] = Int32(truncatingIfNeeded: index - 1)
            if index + 1 < symbolCount {
                (ranks[index], merged[index]) = candidate(
                    word, index, index + 1, end: index + 2, symbols)
                if ranks[index] != MergeTable.noRank {
                    heap.collect(UInt64(ranks[index]) << 32 | UInt64(index))
                }
            }
        }
        heap.order()
        while let top = heap.pop() {
            let place = Int(top & 0xFFFF_FFFF)
            // A candidate whose symbols changed since it was pushed no longer has this rank; a
            // symbol that was swallowed has none.
            if ranks[place] != UInt32(top >> 32) { continue }
            let right = Int(next[place])
            let after = Int(next[right])
            ids[place] = merged[place]
            ranks[right] = MergeTable.noRank
            next[place] = Int32(truncatingIfNeeded: after)
            if after < symbolCount { previous[after] = Int32(truncatingIfNeeded: place) }
            refresh(word, place, symbolCount, symbols, &heap)
            let before = Int(previous[place])
            if before >= 0 { refresh(word, before, symbolCount, symbols, &heap) }
        }
    }

    @inline(__always)
    private func refresh(
        _ word: UnsafePointer<UInt8>, _ place: Int, _ symbolCount: Int,
        _ symbols: MergeBuffers.Symbols,
        _ heap: inout MergeHeap
    ) {
        let right = Int(symbols.next[place])
        if right >= symbolCount {
            symbols.ranks[place] = MergeTable.noRank
            return
        }
        let found = candidate(word, place, right, end: Int(symbols.next[right]), symbols)
        symbols.ranks[place] = found.rank
        symbols.merged[place] = found.merged
        if found.rank != MergeTable.noRank { heap.push(UInt64(found.rank) << 32 | UInt64(place)) }
    }

    @inline(__always)
    private func append(
        _ id: TokenID, _ text: UnsafePointer<UInt8>, _ count: Int, from start: Int,
        to output: inout [TokenID]
    ) {
        if id >= 0 {
            output.append(id)
        } else {
            unknown.append(text, count, from: start, to: &output)
        }
    }
}
