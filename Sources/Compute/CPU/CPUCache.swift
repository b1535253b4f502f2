// CPUCache.swift: the pages of keys and values, one pool per cache group.
// A group's memory is [lots][layers][keys | values]: a lot of all layers is one piece, so that the memory
// resident grows with the pages used. What a layer's lot holds: Kernels/include/attention.h.
import Kernels

final class CPUCache {
    struct Group {
        let shape: CacheGroupShape
        let element: CacheElement
        let memory: DeviceMemory

        init(_ shape: CacheGroupShape, pageSize: Int, element: CacheElement) throws(BackendError) {
            self.shape = shape
            self.element = element
            let tokens = CacheGroupShape.pagesTaken(by: shape.pages, pageSize: pageSize) * pageSize
            let lots = tokens / Self.lotTokens
            memory = try DeviceMemory.allocate(lots * shape.layers * 2 * Self.partBytes(shape, element))
        }

        private static let lotTokens = Int(attention_lot_tokens)

        private static func partBytes(_ shape: CacheGroupShape, _ element: CacheElement) -> Int {
            element.partBytes(kvHeads: shape.kvHeads, headSize: shape.headSize, tokens: lotTokens)
        }

        /// Bytes of one layer's keys, or values, of a lot.
        private var partBytes: Int { Self.partBytes(shape, element) }

        var lotBytes: Int { shape.layers * 2 * partBytes }

        /// Of so many tokens from the first on, lots counted whole.
        func bytes(of tokens: Int) -> Int {
            ((tokens + Self.lotTokens - 1) / Self.lotTokens) * lotBytes
        }

        private var slotBytes: Int { shape.headSize * element.bytes }

        /// Where the scales of integers begin, behind a part's elements.
        var scalesOffset: Int { shape.kvHeads * Self.lotTokens * slotBytes }

        /// The layer's keys in lot 0.
        func keys(layer: Int) -> UnsafeMutableRawPointer { memory.base + layer * 2 * partBytes }

        func values(layer: Int) -> UnsafeMutableRawPointer { keys(layer: layer) + partBytes }

        /// Copies `count` slots, whole blocks, of every layer and head.
        func copySlots(from source: Int, to target: Int, count: Int) {
            for part in 0..<2 * shape.layers {
                for head in 0..<shape.kvHeads {
                    func copy(behind offset: Int, slotBytes: Int) {
                        func place(_ slot: Int) -> UnsafeMutableRawPointer {
                            memory.base + slot / Self.lotTokens * lotBytes + part * partBytes + offset
                                + (head * Self.lotTokens + slot % Self.lotTokens) * slotBytes
                        }
                        place(target).copyMemory(from: place(source), byteCount: count * slotBytes)
                    }
                    copy(behind: 0, slotBytes: slotBytes)
                    if element.hasScales { copy(behind: scalesOffset, slotBytes: MemoryLayout<Float>.size) }
                }
            }
        }
    }

    let pageSize: Int
    let element: CacheElement
    let groups: [Group]

    init(_ shapes: [CacheGroupShape], pageSize: Int, element: CacheElement) throws(BackendError) {
        self.pageSize = pageSize
        self.element = element
        groups = try shapes.map { shape throws(BackendError) in
            try Group(shape, pageSize: pageSize, element: element)
        }
    }

    var bytes: Int { groups.reduce(0) { $0 + $1.memory.bytes } }

    /// Positions that the largest group has room for.
    var positions: Int { pageSize * (groups.map(\.shape.pages).max() ?? 0) }

    /// Has the memory of each group's first tokens cleared.
    func touch(tokens: Int, _ team: WorkerTeam) {
        for group in groups { group.memory.touch(group.bytes(of: tokens), team) }
    }

    func copyPage(group index: Int, from source: Int, to target: Int) {
        let group = groups[index]
        precondition(source < group.shape.pages && target < group.shape.pages, "page outside the pool")
        group.copySlots(from: source * pageSize, to: target * pageSize, count: pageSize)
    }
}
