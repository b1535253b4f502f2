// CachePlan.swift: which layers share a cache group, and how many pages each group gets.
import Compute

struct CachePlan {
    let groups: [CacheGroupDescription]
    let pageCounts: [Int]
    let pageSize: Int
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
        pageSize = options.pageSize
        // Each factor is bounded by DecoderLimits: a page has less than 2^42 bytes.
        let layerBytes = 2 * element.partBytes(
            kvHeads: configuration.kvHeads, headSize: configuration.headSize, tokens: options.pageSize)
        groups = zip(kinds, counts).map {
            CacheGroupDescription(kind: $0, layers: $1, pageBytes: $1 * layerBytes)
        }
        pageCounts = try Self.pageCounts(groups, options, contextMax: contextMax)
    }

    /// Bytes that a group's pages take, which come in whole lots.
    private static func bytes(_ group: CacheGroupDescription, pages: Int, pageSize: Int) -> Int {
        group.pageBytes.multipliedOrMax(by: CacheGroupShape.pagesTaken(by: pages, pageSize: pageSize))
    }

    /// Full groups get as many pages as fit; sliding ones no more than the running sequences can hold.
    private static func pageCounts(
        _ groups: [CacheGroupDescription], _ options: DecoderOptions, contextMax: Int
    ) throws(ModelError) -> [Int] {
        // Page ids are Int32.
        let useful = min(
            options.sequencesMax.multipliedOrMax(by: pages(contextMax, options.pageSize)), Int(Int32.max) - 1)
        let caps = groups.map { group in
            switch group.kind {
            case .full: useful
            case .slidingWindow(let window):
                min(
                    useful,
                    options.sequencesMax.multipliedOrMax(by: pages(window, options.pageSize) + 2)
                        .addedOrMax(to: pages(options.rowsMax, options.pageSize)))
            }
        }
        func bytes(_ count: Int) -> Int {
            zip(groups, caps).reduce(0) { sum, group in
                sum.addedOrMax(to: Self.bytes(group.0, pages: min(count, group.1), pageSize: options.pageSize))
            }
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

    /// Bytes of all pages.
    var bytes: Int {
        zip(groups, pageCounts).reduce(0) { $0 + Self.bytes($1.0, pages: $1.1, pageSize: pageSize) }
    }

    /// Positions that a sequence can have before the pages that keep them all are used up.
    func positionsMax(contextMax: Int) -> Int {
        zip(groups, pageCounts).reduce(contextMax) { most, group in
            group.0.kind == .full ? min(most, group.1 * pageSize) : most
        }
    }

    private static func pages(_ tokens: Int, _ pageSize: Int) -> Int { (tokens + pageSize - 1) / pageSize }

    func shapes(_ configuration: DecoderConfiguration) -> [CacheGroupShape] {
        zip(groups, pageCounts).map {
            CacheGroupShape(
                layers: $0.layers, kvHeads: configuration.kvHeads, headSize: configuration.headSize, pages: $1)
        }
    }
}

extension Int {
    /// The product, or the largest number where it does not fit.
    fileprivate func multipliedOrMax(by other: Int) -> Int {
        let product = multipliedReportingOverflow(by: other)
        return product.overflow ? .max : product.partialValue
    }

    fileprivate func addedOrMax(to other: Int) -> Int {
        let sum = addingReportingOverflow(other)
        return sum.overflow ? .max : sum.partialValue
    }
}
