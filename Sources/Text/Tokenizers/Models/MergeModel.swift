// MergeModel.swift: byte-pair encoding, of bytes or of characters, by merge list or by score.
// One idea: neighbouring symbols join, best rank first and leftmost on ties, until none can.
// Short words are merged by scanning, long ones with a heap, so a megabyte without a break costs
// n log n. Sources: Sennrich et al. 2016; SentencePiece's BPE; tiktoken.
import Core

struct MergeModel: Sendable {
    enum Order: Sendable {
        /// A list of pairs in rank order.
        case pairs(MergeTable)
        /// Two symbols join when their text is a piece; lower `ranks[id]` first. SentencePiece and tiktoken.
        case pieces(ranks: FrozenArray<UInt32>)
    }

    enum Symbols: Sendable {
        /// Every byte is a symbol; its token, or -1.
        case bytes(FrozenArray<TokenID>)
        case characters
    }

    let pieces: PieceTable
    let order: Order
    let symbols: Symbols
    /// Whether a word that is a piece is taken whole, before any merge.
    let takesWholeWords: Bool
    let unknown: UnknownPolicy
    /// Words up to this many symbols are merged by scanning: cheaper than a heap, though quadratic.
    private static let scannedSymbolsMax = 32

    /// Appends the ids of one word, at least one byte long.
    func encode(_ word: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncodeScratch) {
        let isCacheable = count <= WordCache.wordBytesMax
        let hash = isCacheable ? ByteHash.hash(word, count) : 0
        if isCacheable, scratch.words.append(word, count, hash: hash, to: &scratch.output) { return }
        let start = scratch.output.count
        if takesWholeWords {
            let id = pieces.id(of: word, count)
            if id >= 0 {
                scratch.output.append(id)
                if isCacheable { scratch.words.remember(word, count, hash: hash, scratch.output, from: start) }
                return
            }
        }
        let buffers = scratch.merging
        buffers.reserve(count)
        let symbolCount = seed(word, count, buffers)
        if symbolCount <= Self.scannedSymbolsMax {
            let left = mergeByScanning(word, symbolCount, buffers)
            for index in 0..<left {
                let begin = Int(buffers.starts[index])
                append(
                    buffers.ids[index], word + begin, Int(buffers.starts[index + 1]) - begin,
                    from: start, to: &scratch.output)
            }
        } else {
            mergeByHeap(word, symbolCount, buffers)
            var index = 0
            while index < symbolCount {
                let after = Int(buffers.next[index])
                let begin = Int(buffers.starts[index])
                append(
                    buffers.ids[index], word + begin, Int(buffers.starts[after]) - begin,
                    from: start, to: &scratch.output)
                index = after
            }
        }
        if isCacheable { scratch.words.remember(word, count, hash: hash, scratch.output, from: start) }
    }

    /// Fills `starts` and `ids` with the first symbols and returns how many there are.
    private func seed(_ word: UnsafePointer<UInt8>, _ count: Int, _ buffers: MergeBuffers) -> Int {
        let starts = buffers.starts
        let ids = buffers.ids
        switch symbols {
        case .bytes(let table):
            for index in 0..<count {
                starts[index] = Int32(truncatingIfNeeded: index)
                ids[index] = table.base[Int(word[index])]
            }
            starts[count] = Int32(truncatingIfNeeded: count)
            return count
        case .characters:
            var offset = 0
            var found = 0
            while offset < count {
                let width = min(UTF8Width.of(leading: word[offset]), count - offset)
                starts[found] = Int32(truncatingIfNeeded: offset)
                ids[found] = pieces.id(of: word + offset, width)
                found += 1
                offset += width
            }
            starts[found] = Int32(truncatingIfNeeded: count)
            return found
        }
    }

    /// The rank at which symbols `left` and `right` join (lower first), and the piece they become.
    @inline(__always)
    private func candidate(
        _ word: UnsafePointer<UInt8>, _ left: Int, _ right: Int, end: Int, _ buffers: MergeBuffers
    ) -> (rank: UInt32, merged: TokenID) {
        switch order {
        case .pairs(let table):
            let first = buffers.ids[left]
            let second = buffers.ids[right]
            if first < 0 || second < 0 { return (MergeTable.noRank, -1) }
            return table.merge(first, second)
        case .pieces(let ranks):
            let begin = Int(buffers.starts[left])
            let id = pieces.id(of: word + begin, Int(buffers.starts[end]) - begin)
            return id < 0 ? (MergeTable.noRank, -1) : (ranks.base[Int(id)], id)
        }
    }

    /// Leaves the merged symbols at the front of the buffers and returns how many are left.
    private func mergeByScanning(_ word: UnsafePointer<UInt8>, _ symbolCount: Int, _ buffers: MergeBuffers) -> Int {
        var count = symbolCount
        let (starts, ids, ranks, merged) = (buffers.starts, buffers.ids, buffers.ranks, buffers.merged)
        for index in 0..<max(0, count - 1) {
            (ranks[index], merged[index]) = candidate(word, index, index + 1, end: index + 2, buffers)
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
                (ranks[place], merged[place]) = candidate(word, place, place + 1, end: place + 2, buffers)
            }
            if place > 0 {
                (ranks[place - 1], merged[place - 1]) = candidate(word, place - 1, place, end: place + 1, buffers)
            }
        }
        return count
    }

    /// Leaves the merged symbols linked by `next` from symbol 0 on; `starts[symbolCount]` is the end.
    private func mergeByHeap(_ word: UnsafePointer<UInt8>, _ symbolCount: Int, _ buffers: MergeBuffers) {
        let (ids, ranks, merged) = (buffers.ids, buffers.ranks, buffers.merged)
        let (next, previous) = (buffers.next, buffers.previous)
        buffers.heap.removeAll(keepingCapacity: true)
        ranks[symbolCount - 1] = MergeTable.noRank
        for index in 0..<symbolCount {
            next[index] = Int32(truncatingIfNeeded: index + 1)
            previous[index] = Int32(truncatingIfNeeded: index - 1)
            if index + 1 < symbolCount {
                (ranks[index], merged[index]) = candidate(word, index, index + 1, end: index + 2, buffers)
                if ranks[index] != MergeTable.noRank {
                    buffers.heap.append(UInt64(ranks[index]) << 32 | UInt64(index))
                }
            }
        }
        buffers.heapify()
        while let top = buffers.pop() {
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
            refresh(word, place, symbolCount, buffers)
            let before = Int(previous[place])
            if before >= 0 { refresh(word, before, symbolCount, buffers) }
        }
    }

    @inline(__always)
    private func refresh(_ word: UnsafePointer<UInt8>, _ place: Int, _ symbolCount: Int, _ buffers: MergeBuffers) {
        let right = Int(buffers.next[place])
        if right >= symbolCount {
            buffers.ranks[place] = MergeTable.noRank
            return
        }
        let found = candidate(word, place, right, end: Int(buffers.next[right]), buffers)
        buffers.ranks[place] = found.rank
        buffers.merged[place] = found.merged
        if found.rank != MergeTable.noRank { buffers.push(UInt64(found.rank) << 32 | UInt64(place)) }
    }

    @inline(__always)
    private func append(
        _ id: TokenID, _ text: UnsafePointer<UInt8>, _ count: Int, from start: Int, to output: inout [TokenID]
    ) {
        if id >= 0 { output.append(id) } else { unknown.append(text, count, from: start, to: &output) }
    }
}
