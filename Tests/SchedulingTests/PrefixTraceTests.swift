// PrefixTraceTests.swift: the prefix index against the published hits of the Mooncake trace.
import Foundation
import Material
import Testing

@testable import Scheduling

@Suite struct PrefixTraceTests {
    /// Block hashes of each request, hits expected with the tail of a chain evicted first.
    @Test(
        .enabled(if: Material.has("traces"), Material.reason("traces")),
        arguments: [nil, 1000, 5000, 10000, 30000, 50000])
    func `a replayed trace hits as often as published`(capacity: Int?) throws {
        let folder = Material.cases("traces")
        let trace = try String(
            contentsOf: folder.appending(path: "mooncake_synthetic.jsonl"), encoding: .utf8)
        let requests = trace.split(separator: "\n").map { line -> [Int32] in
            let list = line[line.range(of: "\"hash_ids\": [")!.upperBound...].prefix { $0 != "]" }
            return list.split(separator: ",").map {
                Int32($0.trimmingCharacters(in: .whitespaces))!
            }
        }
        let bytes = try Data(
            contentsOf: folder.appending(path: "mooncake_expected_prefix_hits.json"))
        let all = try #require(
            try JSONSerialization.jsonObject(with: bytes) as? [String: [String: Any]])
        let policy = try #require(
            all["synthetic"]?[capacity == nil ? "lru" : "lru_tail_evicted_first"]
                as? [String: [String: Any]])
        let expected = try #require(
            policy[capacity.map(String.init) ?? "unbounded"]?["hit_blocks"] as? Int)
        let hits = replay(requests, pages: capacity ?? 60_000)
        #expect(hits == expected)
        print(
            "conformance traces: \(capacity ?? 0) pages, \(hits) prefix hits, \(expected) expected"
        )
    }

    private func replay(_ requests: [[Int32]], pages: Int) -> Int {
        var pool = PagePool(count: pages)
        let hasher = PageHasher(key: (3, 4))
        var hits = 0
        for blocks in requests {
            var chain = hasher.root(salt: nil)
            var held: [Int32] = []
            var matching = true
            for index in blocks.indices {
                chain = hasher.next(chain, blocks[index...index])
                if matching, let page = pool.page(named: chain) {
                    pool.retain(page)
                    held.append(page)
                    hits += 1
                } else {
                    matching = false
                    let page = pool.allocate()!
                    pool.publish(page, as: chain)
                    held.append(page)
                }
            }
            for page in held.reversed() { pool.release(page) }
        }
        return hits
    }
}
