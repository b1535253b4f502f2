// MergeList.swift: the merges of a vocabulary in rank order, as text, in one allocation.

struct MergeList: Sendable {
    /// Left and right text of every merge, one after the other.
    private(set) var bytes: [UInt8] = []
    /// Where the right part of each merge begins, and where it ends.
    private(set) var cuts: [(middle: UInt32, end: UInt32)] = []

    var count: Int { cuts.count }

    mutating func reserve(_ count: Int) {
        cuts.reserveCapacity(count)
        bytes.reserveCapacity(count * 10)
    }

    /// Adds `left right`, cut at the first space after the first byte; false when there is none.
    mutating func append(_ merge: String) -> Bool {
        var merge = merge
        return merge.withUTF8 { text in
            guard let space = text.dropFirst().firstIndex(of: 0x20), space + 1 < text.count else { return false }
            append(text[..<space], text[(space + 1)...])
            return true
        }
    }

    mutating func append(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) {
        bytes.append(contentsOf: left)
        let middle = UInt32(bytes.count)
        bytes.append(contentsOf: right)
        cuts.append((middle, UInt32(bytes.count)))
    }

    /// Spells every text in the bytes that `ByteAlphabet` writes it for.
    mutating func spellInBytes() {
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var start = 0
            var write = 0
            // A byte takes at least one byte in the alphabet, so writing never overtakes reading.
            for index in cuts.indices {
                let (middle, end) = (Int(cuts[index].middle), Int(cuts[index].end))
                write += Self.spell(base, start, middle, to: write)
                cuts[index].middle = UInt32(write)
                write += Self.spell(base, middle, end, to: write)
                cuts[index].end = UInt32(write)
                start = end
            }
        }
        bytes.removeSubrange(Int(cuts.last?.end ?? 0)...)
    }

    private static func spell(_ base: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, to write: Int) -> Int {
        let source = UnsafePointer(base + start)
        if let count = ByteAlphabet.decode(source, end - start, to: base + write) { return count }
        (base + write).update(from: source, count: end - start)
        return end - start
    }
}
