// PagePool.swift: the one owner of the state of a cache group's pages.
// A page is used (references > 0), cached (none, but its content has a name) or free (neither);
// free + used + cached == count, always. It never looks at tokens.
//
//   allocate: free pages first, then the cached page that was released longest ago
//   release:  a named page waits at the young end of the eviction list, others are free at once

/// Pages of one cache group: reference counts, names, eviction order.
struct PagePool {
    let count: Int
    private(set) var usedCount = 0
    private(set) var cachedCount = 0
    var freeCount: Int { free.count }
    /// Pages that `allocate` can still hand out.
    var availableCount: Int { count - usedCount }

    private(set) var references: [Int32]
    private(set) var names: [PageHash]
    private var index: [PageHash: Int32] = [:]
    private var free: [Int32]
    // The eviction list, doubly linked through arrays; entry `count` is its head and tail.
    private var older: [Int32]
    private var younger: [Int32]

    init(count: Int) {
        precondition(count > 0 && count < Int32.max, "a pool of \(count) pages")
        self.count = count
        references = Array(repeating: 0, count: count)
        names = Array(repeating: .none, count: count)
        free = (0..<Int32(count)).reversed()
        older = Array(repeating: Int32(count), count: count + 1)
        younger = older
        index.reserveCapacity(count)
    }

    /// A page of unknown content with one reference; `nil` when every page is used.
    mutating func allocate() -> Int32? {
        let page: Int32
        if let last = free.popLast() {
            page = last
        } else {
            page = younger[count]
            guard Int(page) < count else { return nil }
            unlink(page)
            cachedCount -= 1
            forget(page)
        }
        references[Int(page)] = 1
        usedCount += 1
        return page
    }

    /// Adds a reference; a cached page becomes used again.
    mutating func retain(_ page: Int32) {
        if references[Int(page)] == 0 {
            precondition(names[Int(page)] != .none, "page \(page) is free")
            unlink(page)
            cachedCount -= 1
            usedCount += 1
        }
        references[Int(page)] += 1
    }

    /// Drops a reference; the last one makes the page cached or free.
    mutating func release(_ page: Int32) {
        precondition(references[Int(page)] > 0, "page \(page) released twice")
        references[Int(page)] -= 1
        guard references[Int(page)] == 0 else { return }
        usedCount -= 1
        if names[Int(page)] == .none {
            free.append(page)
        } else {
            linkYoungest(page)
            cachedCount += 1
        }
    }

    /// Puts a used page's content into the index. When two pages hold the same, a used one keeps
    /// the name; a cached one is of no more use and becomes free.
    mutating func publish(_ page: Int32, as name: PageHash) {
        precondition(references[Int(page)] > 0, "page \(page) is not in use")
        guard names[Int(page)] == .none else { return }
        if let holder = index[name] {
            guard references[Int(holder)] == 0 else { return }
            unlink(holder)
            cachedCount -= 1
            names[Int(holder)] = .none
            free.append(holder)
        }
        index[name] = page
        names[Int(page)] = name
    }

    /// The page that holds this content.
    func page(named name: PageHash) -> Int32? { index[name] }

    /// Whether the page is waiting for eviction, so that retaining it takes it from the available ones.
    func isCached(_ page: Int32) -> Bool { references[Int(page)] == 0 && names[Int(page)] != .none }

    private mutating func forget(_ page: Int32) {
        index[names[Int(page)]] = nil
        names[Int(page)] = .none
    }

    private mutating func unlink(_ page: Int32) {
        younger[Int(older[Int(page)])] = younger[Int(page)]
        older[Int(younger[Int(page)])] = older[Int(page)]
    }

    private mutating func linkYoungest(_ page: Int32) {
        let last = older[count]
        older[Int(page)] = last
        younger[Int(page)] = Int32(count)
        younger[Int(last)] = page
        older[count] = page
    }
}
