// CandidateSelectionTests.swift: partial selection against a full sort.
import Core
import Testing

@testable import Engine

@Suite struct CandidateSelectionTests {
    private static func candidates(_ count: Int, seed: UInt64, distinct: Int) -> [Candidate] {
        (0..<count).map { index in
            let place = RandomStream.uniform(seed: seed, choice: 0, index: index)
            return Candidate(value: Float(Int(place * Double(distinct))), token: TokenID(index))
        }
    }

    @Test(arguments: [1, 2, 3, 10, 257], [1, 2, 5, 1000])
    func `the best few are those of a full sort`(count: Int, distinct: Int) {
        for seed in 0..<20 {
            let all = Self.candidates(count, seed: UInt64(seed), distinct: distinct)
            let sorted = all.sorted { $0.precedes($1) }
            for wanted in [1, count / 3, count - 1, count] where wanted > 0 {
                var some = all
                CandidateSelection.selectBest(wanted, of: &some)
                let best = some.prefix(wanted).sorted { $0.precedes($1) }
                #expect(best == Array(sorted.prefix(wanted)))
            }
        }
    }

    @Test(arguments: [1, 2, 3, 10, 257], [1, 2, 5, 1000])
    func `the shortest prefix with a mass is that of a full sort`(count: Int, distinct: Int) {
        for seed in 0..<20 {
            let all = Self.candidates(count, seed: UInt64(seed), distinct: distinct)
            let sorted = all.sorted { $0.precedes($1) }
            let total = all.reduce(0) { $0 + Double($1.value) }
            for share in [0, 0.2, 0.5, 0.99, 1] {
                var sum = 0.0
                let expected = sorted.firstIndex { item in
                    sum += Double(item.value)
                    return sum >= share * total
                }
                var some = all
                let kept = CandidateSelection.selectMass(share * total, of: &some)
                #expect(kept == expected! + 1)
                #expect(some.prefix(kept).sorted { $0.precedes($1) } == Array(sorted.prefix(kept)))
            }
        }
    }
}
