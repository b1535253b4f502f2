// CPUCache.swift: the pages of keys and values, one pool per cache group.
// A group's memory is [pages][layers][keys | values]: a page of all layers is one piece, so that the memory
// resident grows with the pages used, and a copy is one move. What a layer holds: Kernels/include/attention.h.
import Kernels

final class CPUCache {
    struct Group {
        let shape: CacheGroupShape
        let memory: DeviceMemory
        /// Bytes of one layer's part of a page: keys, then values.
        let layerBytes: Int

        var pageBytes: Int { shape.layers * layerBytes }

        /// The layer's keys in page 0.
        func keys(layer: Int) -> UnsafeMutableRawPointer { memory.base + layer * layerBytes }

        func values(layer: Int) -> UnsafeMutableRawPointer { keys(layer: layer) + layerBytes / 2 }
    }

    let pageSize: Int
    let element: CacheElement
    let groups: [Group]

    init(_ shapes: [CacheGroupShape], pageSize: Int, element: CacheElement) throws(BackendError) {
        self.pageSize = pageSize
        self.element = element
        var made: [Group] = []
        for shape in shapes {
            let layerBytes = 2 * element.pagePartBytes(
                kvHeads: shape.kvHeads, headSize: shape.headSize, pageSize: pageSize)
            let memory = try DeviceMemory.allocate(shape.layers * shape.pages * layerBytes)
            made.append(Group(shape: shape, memory: memory, layerBytes: layerBytes))
        }
        groups = made
    }

    /// Positions that the largest group has room for.
    var positions: Int { pageSize * (groups.map(\.shape.pages).max() ?? 0) }

    func copyPage(group index: Int, from source: Int, to target: Int) {
        let group = groups[index]
        precondition(source < group.shape.pages && target < group.shape.pages, "page outside the pool")
        let base = group.memory.base
        (base + target * group.pageBytes).copyMemory(
            from: base + source * group.pageBytes, byteCount: group.pageBytes)
    }
}
