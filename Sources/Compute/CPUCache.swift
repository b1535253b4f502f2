// CPUCache.swift: the pages of keys and values, one pool per cache group.
// A group's memory is [layers][pages][keys | values]; what a page holds is in Kernels/include/attention.h.
import Kernels

final class CPUCache {
    struct Group {
        let shape: CacheGroupShape
        let memory: DeviceMemory
        /// Bytes of one page of one layer: keys, then values.
        let pageBytes: Int

        func keys(layer: Int) -> UnsafeMutableRawPointer {
            memory.base + layer * shape.pages * pageBytes
        }

        func values(layer: Int) -> UnsafeMutableRawPointer { keys(layer: layer) + pageBytes / 2 }
    }

    let pageSize: Int
    let element: CacheElement
    let groups: [Group]

    init(_ shapes: [CacheGroupShape], pageSize: Int, element: CacheElement) throws(BackendError) {
        self.pageSize = pageSize
        self.element = element
        var made: [Group] = []
        for shape in shapes {
            let pageBytes = 2 * shape.kvHeads * shape.headSize * pageSize * element.bytes
            let memory = try DeviceMemory.allocate(shape.layers * shape.pages * pageBytes)
            made.append(Group(shape: shape, memory: memory, pageBytes: pageBytes))
        }
        groups = made
    }

    func copyPage(group index: Int, from source: Int, to target: Int) {
        let group = groups[index]
        precondition(source < group.shape.pages && target < group.shape.pages, "page outside the pool")
        for layer in 0..<group.shape.layers {
            let base = group.keys(layer: layer)
            (base + target * group.pageBytes).copyMemory(
                from: base + source * group.pageBytes, byteCount: group.pageBytes)
        }
    }
}
