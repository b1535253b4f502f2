// ByteTrie.swift: longest-prefix matching of byte strings, for added tokens and unigram pieces.
// Edges live in one open-addressing table; walking stops at the first byte that leads nowhere.

struct ByteTrie: Sendable {
    struct Edge: BitwiseCopyable, Sendable {
        var key: UInt64             // (node << 8 | byte) + 1; 0 is empty
        var target: UInt32
    }

    private let edges: FrozenArray<Edge>
    private let values: FrozenArray<Int32>          // [nodes]; -1 where no string ends
    private let mask: Int
    /// Bytes that begin at least one string.
    let starts: ByteSet
    let isEmpty: Bool

    /// Of equal strings the first keeps its value. Empty strings are ignored.
    init(_ strings: some Sequence<(bytes: [UInt8], value: Int32)>) {
        var table: [Edge] = Array(repeating: Edge(key: 0, target: 0), count: 64)
        var mask = table.count - 1
        var used = 0
        var values: [Int32] = [-1]
        var starts = ByteSet()
        for (bytes, value) in strings where !bytes.isEmpty {
            starts.insert(bytes[0])
            var node: UInt32 = 0
            for byte in bytes {
                let key = Self.key(node, byte)
                var slot = Int(truncatingIfNeeded: ByteHash.mix(key)) & mask
                while table[slot].key != 0, table[slot].key != key { slot = (slot + 1) & mask }
                if table[slot].key == 0 {
                    table[slot] = Edge(key: key, target: UInt32(values.count))
                    node = UInt32(values.count)
                    values.append(-1)
                    used += 1
                    if used * 2 > table.count { (table, mask) = Self.grown(table) }
                } else {
                    node = table[slot].target
                }
            }
            if values[Int(node)] < 0 { values[Int(node)] = value }
        }
        self.starts = starts
        self.mask = mask
        isEmpty = values.count == 1
        edges = FrozenArray(table)
        self.values = FrozenArray(values)
    }

    private static func grown(_ old: [Edge]) -> ([Edge], Int) {
        var table = [Edge](repeating: Edge(key: 0, target: 0), count: old.count * 2)
        let mask = table.count - 1
        for edge in old where edge.key != 0 {
            var slot = Int(truncatingIfNeeded: ByteHash.mix(edge.key)) & mask
            while table[slot].key != 0 { slot = (slot + 1) & mask }
            table[slot] = edge
        }
        return (table, mask)
    }

    @inline(__always)
    private static func key(_ node: UInt32, _ byte: UInt8) -> UInt64 {
        (UInt64(node) << 8 | UInt64(byte)) + 1
    }

    /// The node after `byte`, or nil. The root is node 0.
    @inline(__always)
    func step(_ node: UInt32, _ byte: UInt8) -> UInt32? {
        let key = Self.key(node, byte)
        var slot = Int(truncatingIfNeeded: ByteHash.mix(key)) & mask
        while true {
            let edge = edges.base[slot]
            if edge.key == key { return edge.target }
            if edge.key == 0 { return nil }
            slot = (slot + 1) & mask
        }
    }

    /// The value of the string that ends at `node`, or -1.
    @inline(__always)
    func value(_ node: UInt32) -> Int32 { values.base[Int(node)] }
}
