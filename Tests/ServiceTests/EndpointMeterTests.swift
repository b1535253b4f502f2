import Scheduling
import Testing

@testable import Service

@Suite struct EndpointMeterTests {
    private static let endpoint = Endpoint(id: "e", name: "n", model: "m", routingKey: "r", createdAt: 0)

    private static func meter(completedPerSecond: Int) -> EndpointMeter {
        let meter = EndpointMeter(contextMax: 512, policy: ScalingPolicy())
        let times = GenerationTimes(admittedAt: 0)
        for second in 0..<3 {
            meter.sample(
                endpoint, counts: .init(), sequencesMax: 4, cacheUsage: 0, at: UInt64(second) * 1_000_000_000)
            for _ in 0..<completedPerSecond { meter.recordEnd(times, generatedTokens: 1, at: 1) }
        }
        return meter
    }

    @Test(arguments: [(2, 0, 1), (2, 1, 1), (2, 9, 5), (2, 1000, 60), (0, 0, 1), (0, 3, 5)])
    func `a caller stays away for as long as those before it take`(rate: Int, ahead: Int, seconds: Int) {
        #expect(Self.meter(completedPerSecond: rate).retryAfterSeconds(ahead: ahead) == seconds)
    }

    @Test func `times become the phases of a request`() {
        let meter = EndpointMeter(contextMax: 512, policy: ScalingPolicy())
        var times = GenerationTimes(admittedAt: 1_000_000_000)
        times.scheduledAt = 2_000_000_000
        times.firstTokenAt = 4_000_000_000
        times.lastTokenAt = 8_000_000_000
        meter.recordSubmission(promptTokens: 7)
        meter.recordFirstToken(times, promptTokens: 7)
        meter.recordTokens(3, intervalSeconds: nil)
        meter.recordTokens(2, intervalSeconds: 1)
        meter.recordFinish(.stop)
        meter.recordEnd(times, generatedTokens: 5, at: 9_000_000_000)
        let figures = meter.figures
        #expect(figures.requests == 1 && figures.completed == 1)
        #expect(figures.promptTokens == 7 && figures.generatedTokens == 5)
        #expect(figures.finished == [.stop: 1])
        #expect(figures.queue.sum == 1 && figures.prefill.sum == 2 && figures.firstToken.sum == 3)
        #expect(figures.decode.sum == 4 && figures.whole.sum == 8)
        // The step's interval belongs to each of its tokens in equal parts.
        #expect(figures.betweenTokens.count == 2 && figures.betweenTokens.sum == 1)
    }

    @Test func `another policy begins another history`() {
        let meter = Self.meter(completedPerSecond: 0)
        #expect(meter.hint(for: ScalingPolicy()).decision != .unknown)
        var policy = ScalingPolicy()
        policy.replicasMax = 3
        #expect(meter.hint(for: policy).decision == .unknown)
    }
}
