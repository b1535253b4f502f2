// MergeBuffers.swift: the arrays in which one word is merged, grown on demand and kept.
import Core

final class MergeBuffers {
    /// Parallel arrays over the symbols of a word.
    struct Symbols {
        let starts: UnsafeMutablePointer<Int32>  // byte offset; [count] is the end
        let ids: UnsafeMutablePointer<TokenID>
        let ranks: UnsafeMutablePointer<UInt32>  // of the pair with the next symbol
        let merged: UnsafeMutablePointer<TokenID>  // what that pair becomes
        let next: UnsafeMutablePointer<Int32>
        let previous: UnsafeMutablePointer<Int32>

        fileprivate init(capacity: Int) {
            starts = .allocate(capacity: capacity)
            ids = .allocate(capacity: capacity)
            ranks = .allocate(capacity: capacity)
            merged = .allocate(capacity: capacity)
            next = .allocate(capacity: capacity)
            previous = .allocate(capacity: capacity)
        }

        fileprivate func deallocate() {
            starts.deallocate()
            ids.deallocate()
            ranks.deallocate()
            merged.deallocate()
            next.deallocate()
            previous.deallocate()
        }
    }

    private var capacity = 64
    private var symbols = Symbols(capacity: 64)
    /// Candidate merges of a long word.
    var heap = MergeHeap()

    deinit { symbols.deallocate() }

    /// Room for `count` symbols and an end. What was in the buffers may be lost.
    func reserve(_ count: Int) -> Symbols {
        if count + 1 > capacity {
            symbols.deallocate()
            capacity = (count + 1) * 3 / 2
            symbols = Symbols(capacity: capacity)
        }
        return symbols
    }

    func trim(_ bytesMax: Int) {
        if capacity * 24 > bytesMax {
            symbols.deallocate()
            capacity = 64
            symbols = Symbols(capacity: 64)
        }
        heap.trim(bytesMax)
    }
}
