import Testing

@testable import Service

@Suite struct RateWindowTests {
    private static func sample(_ second: Int) -> RateWindow.Sample {
        let total = UInt64(second)
        return .init(
            time: Double(second), requests: total, completed: 2 * total, promptTokens: 10 * total,
            generatedTokens: 100 * total)
    }

    @Test(arguments: [0, 1]) func `fewer than two samples tell no rate`(count: Int) {
        var window = RateWindow()
        for second in 0..<count { window.append(Self.sample(second)) }
        #expect(window.rates == RateWindow.Rates())
    }

    @Test func `rates are differences over time`() {
        var window = RateWindow()
        for second in 0..<5 { window.append(Self.sample(second)) }
        let expected = RateWindow.Rates(
            requestsPerSecond: 1, completedPerSecond: 2, promptTokensPerSecond: 10, generatedTokensPerSecond: 100)
        #expect(window.rates == expected)
    }

    @Test func `what lies before the window is forgotten`() {
        var window = RateWindow()
        for second in 0..<5 { window.append(Self.sample(second)) }
        for second in 5..<(5 + RateWindow.samplesMax) {
            var still = Self.sample(5)
            still.time = Double(second)
            window.append(still)
        }
        #expect(window.rates.requestsPerSecond == 0)
    }
}
