// PageGroup.swift: which pages of a sequence a cache group keeps, as arithmetic on positions.
// It never owns a page.

/// How long the layers of one group need a position.
public enum PageRetention: Sendable, Hashable {
    /// Every position, until the sequence ends.
    case all
    /// Position `t` reads `t - window + 1 ... t`; pages wholly before that are given back.
    case window(Int)

    /// The first page that the row at `position` still reads.
    @inline(__always)
    func firstPage(readFrom position: Int, pageSize: Int) -> Int {
        switch self {
        case .all: 0
        case .window(let window): max(0, position - window + 1) / pageSize
        }
    }

    /// Most pages held at once while `tokens` positions are computed in chunks of `chunk`.
    func pagesHeldMax(tokens: Int, chunk: Int, pageSize: Int) -> Int {
        let all = (tokens + pageSize - 1) / pageSize
        guard case .window(let window) = self else { return all }
        // A run of n positions touches at most (n - 1 + pageSize - 1) / pageSize + 1 pages.
        return min(all, (window - 1 + chunk + pageSize - 2) / pageSize + 1)
    }
}

/// One cache group: what it keeps, and how many pages its pool has.
public struct PageGroup: Sendable, Hashable {
    public let retention: PageRetention
    public let pageCount: Int

    public init(retention: PageRetention, pageCount: Int) {
        precondition(pageCount > 0, "a cache group has no pages")
        if case .window(let window) = retention { precondition(window > 0, "window \(window)") }
        self.retention = retention
        self.pageCount = pageCount
    }

    /// Most tokens that one sequence, alone in the pool, can have computed.
    public func tokensMax(pageSize: Int) -> Int {
        let least = retention.pagesHeldMax(tokens: .max / 2, chunk: 1, pageSize: pageSize)
        return pageCount >= least ? .max : pageCount * pageSize
    }
}
