import Engine
import Scheduling
import ScriptedModel
import Testing

@testable import Service

/// From requests that come in to the advice that scalers read.
@Suite struct ScalingPipelineTests {
    private static func bench() throws -> ServiceBench {
        let bench = try ServiceBench()
        _ = try bench.service.endpoints.update(bench.endpoint.id) { endpoint in
            endpoint.scaling.replicasMax = 8
            endpoint.scaling.scaleUpWindowSeconds = 10
        }
        return bench
    }

    /// One tick per second, beginning now.
    private static func pass(seconds: Int, in bench: ServiceBench, from start: UInt64) {
        for second in 0...seconds {
            bench.service.tick(samplesLoad: true, at: start + UInt64(second) * 1_000_000_000)
        }
    }

    @Test func `load that lasts asks for more replicas, in words and in the metrics`() throws {
        let bench = try Self.bench()
        // Sixteen choices on four sequences: four replicas' worth, five at a target of 0.8.
        let tickets = try (0..<16).map { _ in try bench.admit() }
        Self.pass(seconds: 20, in: bench, from: Clock.nanoseconds)
        let hint = try #require(bench.service.scalingHint(for: bench.endpoint))
        #expect(hint.currentReplicas == 1)
        #expect(hint.desiredReplicas == 5)
        #expect(hint.binding == .capacity)
        #expect(hint.reason.contains("5"), "\(hint.reason)")
        let labels = #"model_name="tiny",endpoint="tiny""#
        #expect(bench.metrics.contains("tokenmill:desired_replicas{\(labels)} 5.0\n"))
        let pressure = bench.metrics.split(separator: "\n").first {
            $0.hasPrefix(#"tokenmill:scaling_pressure{\#(labels),signal="default"} "#)
        }
        let value = try #require(pressure?.split(separator: " ").last.flatMap { Double($0) })
        #expect(abs(value - 5) < 0.001)
        for ticket in tickets { ticket.close() }
    }

    @Test func `a spike that is over asks for nothing`() throws {
        let bench = try Self.bench()
        let start = Clock.nanoseconds
        let tickets = try (0..<16).map { _ in try bench.admit() }
        bench.service.tick(samplesLoad: true, at: start)
        for ticket in tickets { ticket.close() }
        Self.pass(seconds: 20, in: bench, from: start + 1_000_000_000)
        #expect(bench.service.scalingHint(for: bench.endpoint)?.desiredReplicas == 1)
    }

    @Test func `a tick that looks at deadlines alone remembers no load`() throws {
        let bench = try Self.bench()
        bench.service.tick(samplesLoad: false)
        #expect(bench.service.scalingHint(for: bench.endpoint)?.reason == "no load has been seen yet")
    }
}
