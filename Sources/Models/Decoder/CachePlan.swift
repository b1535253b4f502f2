// CachePlan.swift: which layers share a cache group, and how many pages each group gets.
import Compute

struct CachePlan {
    let groups: [CacheGroupDescription]
    let pageCounts: [Int]
    /// Per layer: its group and its place in it.
    let places: [(group: Int, layer: Int)]

    init(
        _ configuration: DecoderConfiguration, _ options: DecoderOptions, contextMax: Int, element: CacheElement
    ) throws(ModelError) {
        guard [16, 32, 64].contains(options.pageSize) else {
            throw .settingInvalid(key: "page size", value: "\(options.pageSize)", expected: "16, 32 or 64")
        }
        var kinds: [CacheKind] = [], counts: [Int] = []
        places = configuration.windows.map { window in
            // A window as long as the context hides nothing.
            let kind = window.map { $0 < contextMax ? CacheKind.slidingWindow($0) : .full } ?? .full
            let group = kinds.firstIndex(of: kind) ?? kinds.count
            if group == kinds.count {
                kinds.append(kind)
                counts.append(0)
            }
            counts[group] += 1
            return (group, counts[group] - 1)
        }
        let layerBytes = 2 * element.pagePartBytes(
            kvHeads: configuration.kvHeads, headSize: configuration.headSize, pageSize: options.pageSize)
        groups = zip(kinds, counts).map {
            CacheGroupDescription(kind: $0, layers: $1, pageBytes: $1 * layerBytes)
        }
        pageCounts = try Self.pageCounts(groups, options, contextMax: contextMax)
    }

    /// Full groups get as many pages as fit; sliding ones no more than the running sequences can hold.
    private static func pageCounts(
        _ groups: [CacheGroupDescription], _ options: DecoderOptions, contextMax: Int
    ) throws(ModelError) -> [Int] {
        let useful = options.sequencesMax * pages(contextMax, options.pageSize)
        let caps = groups.map { group in
            switch group.kind {
            case .full: useful
            case .slidingWindow(let window):
                min(useful, options.sequencesMax * (pages(window, options.pageSize) + 2)
                    + pages(options.rowsMax, options.pageSize))
            }
        }
        func bytes(_ count: Int) -> Int {
            zip(groups, caps).reduce(0) { $0 + $1.0.pageBytes * min(count, $1.1) }
        }
        var low = 0, high = useful
        while low < high {
            let middle = (low + high + 1) / 2
            if bytes(middle) <= options.cacheBytes { low = middle } else { high = middle - 1 }
        }
        let least = pages(options.rowsMax, options.pageSize) + 1
        guard low >= min(least, useful) else {
            throw .cacheTooSmall(
                bytes: options.cacheBytes, bytesNeeded: bytes(least), tokensNeeded: least * options.pageSize)
        }
        return caps.map { min(low, $0) }
    }

    private static func pages(_ tokens: Int, _ pageSize: Int) -> Int { (tokens + pageSize - 1) / pageSize }

    func shapes(_ configuration: DecoderConfiguration) -> [CacheGroupShape] {
        zip(groups, pageCounts).map {
            CacheGroupShape(
                layers: $0.layers, kvHeads: configuration.kvHeads, headSize: configuration.headSize, pages: $1)
        }
    }
}
