// PagePoolTests.swift: the life of single pages.
import Testing

@testable import Scheduling

@Suite struct PagePoolTests {
    private func name(_ number: UInt64) -> PageHash { PageHash(low: number, high: 1) }

    @Test func `a released page keeps its content until the pool needs it`() {
        var pool = PagePool(count: 2)
        let page = pool.allocate()!
        pool.publish(page, as: name(7))
        pool.release(page)
        #expect(pool.cachedCount == 1)
        #expect(pool.page(named: name(7)) == page)
        #expect(pool.allocate() != page)
        #expect(pool.page(named: name(7)) == page)
        #expect(pool.allocate() == page)
        #expect(pool.page(named: name(7)) == nil)
        #expect(pool.allocate() == nil)
    }

    @Test func `the page released longest ago is evicted first`() {
        var pool = PagePool(count: 3)
        let pages = (0..<3).map { _ in pool.allocate()! }
        for (number, page) in pages.enumerated() { pool.publish(page, as: name(UInt64(number) + 1)) }
        for page in [pages[1], pages[0], pages[2]] { pool.release(page) }
        pool.retain(pages[1])
        pool.release(pages[1])
        #expect(pool.allocate() == pages[0])
        #expect(pool.allocate() == pages[2])
        #expect(pool.allocate() == pages[1])
    }

    @Test func `a shared page stays until its last holder lets go`() {
        var pool = PagePool(count: 1)
        let page = pool.allocate()!
        pool.retain(page)
        pool.release(page)
        #expect(pool.usedCount == 1)
        #expect(pool.allocate() == nil)
        pool.release(page)
        #expect(pool.freeCount == 1)
    }

    @Test func `a second copy of a cached page takes over its name`() {
        var pool = PagePool(count: 2)
        let (first, second) = (pool.allocate()!, pool.allocate()!)
        pool.publish(first, as: name(1))
        pool.publish(second, as: name(1))
        #expect(pool.page(named: name(1)) == first)
        pool.release(first)
        pool.publish(second, as: name(1))
        #expect(pool.page(named: name(1)) == second)
        #expect(pool.freeCount == 1)
    }

    @Test func `names depend on every token before, on the salt and on the key`() {
        let hasher = PageHasher(key: (1, 2))
        let root = hasher.root(salt: nil)
        let tokens: [Int32] = [1, 2, 3]
        let roots = [root, hasher.root(salt: ""), hasher.root(salt: "a"), PageHasher(key: (1, 3)).root(salt: nil)]
        #expect(Set(roots).count == 4)
        let names = [
            hasher.next(root, tokens[0..<2]), hasher.next(root, tokens[0..<3]), hasher.next(root, tokens[1..<3]),
            hasher.next(hasher.root(salt: "a"), tokens[0..<2]), hasher.next(hasher.next(root, tokens[0..<2]), []),
        ]
        #expect(Set(names).count == 5)
        #expect(hasher.next(root, tokens[0..<2]) == hasher.next(root, [1, 2]))
    }
}
