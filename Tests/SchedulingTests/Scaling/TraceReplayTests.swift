// TraceReplayTests.swift: real arrivals against the hint; what must hold in every moment of every
// trace.
import Material
import Testing
@testable import Scheduling

@Suite(.enabled(if: Material.has("traces"), Material.reason("traces")))
struct TraceReplayTests {
    private func policy(min: Int, max: Int, targets: [ScalingSignal: Double]) -> ScalingPolicy {
        var policy = ScalingPolicy()
        policy.replicasMin = min
        policy.replicasMax = max
        policy.targets = targets
        return policy
    }

    @Test func `the hour of conversations is served within bounds and without flapping`() throws {
        let trace = try #require(TraceFile.read("azure_2023_conv.csv"))
        let policy = policy(
            min: 0, max: 12, targets: [.capacity: 0.8, .promptTokensPerSecond: 4000])
        var model = ReplicaModel()
        model.replay(trace, policy: policy, tail: 5000, replicas: 1)
        #expect(model.completed == trace.count)
        check(model, policy)
        checkSleep(model, policy, lastArrival: trace.last?.arrival ?? 0)
        let most = model.moments.map(\.replicas).max() ?? 0
        #expect(most > 2, "an hour of 19,366 conversations needs more than two of these replicas")
        let late = model.moments.filter { $0.time > 600 && $0.time < 3000 && $0.waiting > 0 }.count
        #expect(
            late < 240,
            "once grown, the endpoint queues for less than a tenth of the time: \(late) s of 2400")
        print(
            "conformance traces: azure_2023_conv.csv \(trace.count) requests, \(most) replicas"
        )
    }

    @Test func `five seconds of traffic do not flap either`() throws {
        let trace = try #require(TraceFile.read("aibrix_5s.csv"))
        let policy = policy(min: 1, max: 4, targets: [.concurrentRequests: 4])
        var model = ReplicaModel()
        model.tickSeconds = 0.25
        model.replay(trace, policy: policy, tail: 900, replicas: 1)
        #expect(model.completed == trace.count)
        check(model, policy)
        #expect(model.moments.last?.replicas == 1)
        print("conformance traces: aibrix_5s.csv \(trace.count) requests")
    }

    @Test func `the same trace gives the same hints`() throws {
        let trace = try #require(TraceFile.read("aibrix_5s.csv"))
        let policy = policy(min: 1, max: 4, targets: [.capacity: 0.8])
        var first = ReplicaModel()
        first.replay(trace, policy: policy, tail: 100, replicas: 1)
        var second = ReplicaModel()
        second.replay(trace, policy: policy, tail: 100, replicas: 1)
        #expect(first.moments.map(\.hint) == second.moments.map(\.hint))
    }

    /// In every moment: bounds, no change inside the tolerance, and no step down before the window
    /// has passed since the load last asked for the present number.
    private func check(_ model: ReplicaModel, _ policy: ScalingPolicy) {
        var outside = 0
        var inside = 0
        var early = 0
        var neededAt = [Int: Double]()
        for moment in model.moments {
            let hint = moment.hint
            if !(policy.replicasMin...policy.replicasMax).contains(hint.desiredReplicas) {
                outside += 1
            }
            let pressure = hint.pressures.map(\.value).max() ?? 0
            let steady = abs(pressure - 1) <= policy.tolerance
            if steady, moment.replicas > 0, hint.desiredReplicas != moment.replicas { inside += 1 }
            let wanted = hint.pressures.map(\.replicas).max() ?? 0
            for count in 0...max(wanted, 0) { neededAt[count] = moment.time }
            if hint.desiredReplicas < moment.replicas, hint.desiredReplicas > 0 {
                let last = neededAt[hint.desiredReplicas + 1] ?? 0
                if moment.time - last < policy.scaleDownWindowSeconds - 2 * model.tickSeconds {
                    early += 1
                }
            }
        }
        #expect(outside == 0, "hints outside \(policy.replicasMin)...\(policy.replicasMax)")
        #expect(inside == 0, "changes while the load was within the tolerance")
        #expect(early == 0, "steps down before the window had passed")
    }

    private func checkSleep(_ model: ReplicaModel, _ policy: ScalingPolicy, lastArrival: Double) {
        guard let asleep = model.moments.first(where: { $0.hint.desiredReplicas == 0 }) else {
            Issue.record("the endpoint never slept")
            return
        }
        #expect(asleep.time >= lastArrival + policy.scaleToZeroWindowSeconds)
        #expect(asleep.hint.decision == .toZero)
        #expect(model.moments.last?.hint.decision == .asleep)
    }
}
