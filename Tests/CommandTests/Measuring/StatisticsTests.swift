// StatisticsTests.swift: means and percentiles, and the numbers that people read.
import Testing
@testable import tokenmill

struct StatisticsTests {
    @Test func `nothing measured has no distribution`() {
        #expect(Distribution([]) == nil)
    }

    @Test func `one value is all of its distribution`() throws {
        let one = try #require(Distribution([7]))
        #expect(one.mean == 7 && one.median == 7 && one.percentile99 == 7 && one.largest == 7)
    }

    @Test func `percentiles lie between neighbours, whatever the order`() throws {
        let values = (0...100).map(Double.init).shuffled()
        let all = try #require(Distribution(values))
        #expect(all.mean == 50 && all.median == 50)
        #expect(abs(all.percentile95 - 95) < 1e-9 && abs(all.percentile99 - 99) < 1e-9)
        #expect(all.largest == 100 && all.count == 101)
    }

    @Test(arguments: [(0.0, 1.0), (50, 2.5), (75, 3.25), (100, 4)])
    func `a percentile is linear between two values`(percent: Double, value: Double) {
        #expect(Distribution.percentile(percent, of: [1, 2, 3, 4]) == value)
    }

    @Test(arguments: [
        (1234.56, 1, "1234.6"), (0.05, 2, "0.05"), (2, 0, "2"), (-0.25, 2, "-0.25"), (.infinity, 1, "-"),
        (9.999, 2, "10.00"),
    ] as [(Double, Int, String)])
    func `numbers have as many decimals as asked`(value: Double, decimals: Int, text: String) {
        #expect(value.text(decimals: decimals) == text)
    }

    @Test func `the same seed gives the same numbers`() {
        var (one, two, other) = (SeededRandom(seed: 5), SeededRandom(seed: 5), SeededRandom(seed: 6))
        let numbers = (0..<8).map { _ in one.next() }
        #expect(numbers == (0..<8).map { _ in two.next() })
        #expect(numbers != (0..<8).map { _ in other.next() })
    }
}
