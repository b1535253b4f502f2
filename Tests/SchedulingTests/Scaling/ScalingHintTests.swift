// ScalingHintTests.swift: one behaviour of the hint each, on made-up loads.
import Testing
@testable import Scheduling

struct ScalingHintTests {
    private func policy(
        min: Int = 1, max: Int = 10, _ targets: [ScalingSignal: Double] = [.concurrentRequests: 10]
    ) -> ScalingPolicy {
        var policy = ScalingPolicy()
        policy.replicasMin = min
        policy.replicasMax = max
        policy.targets = targets
        return policy
    }

    /// One sample a second of a load given by the second.
    private func history(
        _ policy: ScalingPolicy, seconds: Int, replicas: Int = 1, running: (Int) -> Int
    ) -> LoadHistory {
        var history = LoadHistory(policy: policy)
        for second in 0...seconds {
            var sample = LoadSample(time: Double(second))
            sample.replicas = replicas
            sample.observed = replicas
            sample.sequencesMax = 16
            sample.running = running(second)
            history.append(sample)
        }
        return history
    }

    @Test func `without samples the hint keeps to the bounds`() {
        let hint = ScalingHint(policy: policy(min: 2), history: LoadHistory(policy: policy(min: 2)))
        #expect(hint.desiredReplicas == 2)
        #expect(hint.decision == .unknown)
        #expect(hint.reason == "no load has been seen yet")
    }

    @Test func `a lasting load goes up to what carries it`() {
        let hint = ScalingHint(
            policy: policy(), history: history(policy(), seconds: 60) { _ in 35 })
        #expect(hint.desiredReplicas == 4)
        #expect(hint.decision == .up)
        #expect(hint.binding == .concurrentRequests)
        #expect(
            hint.reason
                == "go up from 1 to 4 replicas: concurrent_requests is 35 against a target of 10 "
                + "per replica (pressure 3.5)")
    }

    @Test func `a spike shorter than the window does not count in full`() {
        let spike = history(policy(), seconds: 60) { $0 >= 55 ? 35 : 2 }
        let hint = ScalingHint(policy: policy(), history: spike)
        #expect(hint.desiredReplicas == 1)
    }

    @Test(arguments: [(10, 1), (11, 1), (12, 2), (20, 2), (21, 3)])
    func `inside the tolerance nothing changes`(running: Int, expected: Int) {
        let hint = ScalingHint(
            policy: policy(), history: history(policy(), seconds: 60) { _ in running })
        #expect(hint.desiredReplicas == expected)
    }

    @Test func `down waits for the whole window`() {
        let policy = policy()
        let early = history(policy, seconds: 900, replicas: 4) { $0 < 400 ? 38 : 5 }
        let held = ScalingHint(policy: policy, history: early)
        #expect(held.desiredReplicas == 4)
        guard case .holdingDown = held.decision else {
            Issue.record("expected holdingDown, got \(held.decision)")
            return
        }
        let late = history(policy, seconds: 1100, replicas: 4) { $0 < 400 ? 38 : 5 }
        let hint = ScalingHint(policy: policy, history: late)
        #expect(hint.desiredReplicas == 1)
        #expect(hint.decision == .down)
    }

    @Test func `down is held until the load was watched for a window`() {
        let hint = ScalingHint(
            policy: policy(), history: history(policy(), seconds: 599, replicas: 3) { _ in 1 })
        #expect(hint.desiredReplicas == 3)
        #expect(hint.decision == .holdingDown(seconds: 1))
    }

    @Test(arguments: [(3599, 1), (3600, 0)])
    func `zero comes only after its own window`(seconds: Int, expected: Int) {
        let policy = policy(min: 0)
        let hint = ScalingHint(
            policy: policy, history: history(policy, seconds: seconds) { $0 == 0 ? 1 : 0 })
        #expect(hint.desiredReplicas == expected)
    }

    @Test func `with a minimum of one the last replica stays`() {
        let hint = ScalingHint(
            policy: policy(), history: history(policy(), seconds: 9000) { _ in 0 })
        #expect(hint.desiredReplicas == 1)
        #expect(hint.decision == .steady)
    }

    @Test func `a request wakes a sleeping endpoint at once`() {
        let policy = policy(min: 0)
        var history = LoadHistory(policy: policy)
        var sample = LoadSample(time: 0)
        sample.replicas = 0
        sample.observed = 0
        history.append(sample)
        #expect(ScalingHint(policy: policy, history: history).decision == .asleep)
        sample.time = 0.1
        sample.waiting = 1
        history.append(sample)
        let hint = ScalingHint(policy: policy, history: history)
        #expect(hint.desiredReplicas == 1)
        #expect(hint.decision == .wake)
    }

    @Test func `the target that asks for most wins`() {
        let policy = policy([.concurrentRequests: 10, .capacity: 0.5, .requestsPerSecond: 100])
        let hint = ScalingHint(policy: policy, history: history(policy, seconds: 60) { _ in 32 })
        #expect(hint.pressures.map(\.replicas) == [4, 0, 4])
        #expect(hint.binding == .capacity)
        #expect(hint.desiredReplicas == 4)
    }

    @Test func `rates come from totals, and a restart does not make them negative`() {
        let policy = policy([.generatedTokensPerSecond: 100, .requestsPerSecond: 1])
        var history = LoadHistory(policy: policy)
        for second in 0...40 {
            var sample = LoadSample(time: Double(second))
            sample.generatedTokensTotal = UInt64(second % 20 * 250)
            sample.requestsTotal = UInt64(second * 2)
            history.append(sample)
        }
        let hint = ScalingHint(policy: policy, history: history)
        #expect(hint.pressures[0].load > 200 && hint.pressures[0].load < 250)
        #expect(abs(hint.pressures[1].load - 2) < 1e-9)
    }

    @Test func `one replica speaks for all when only it is seen`() {
        let policy = policy()
        var history = LoadHistory(policy: policy)
        for second in 0...60 {
            var sample = LoadSample(time: Double(second))
            sample.replicas = 3
            sample.running = 20
            history.append(sample)
        }
        let hint = ScalingHint(policy: policy, history: history)
        #expect(hint.desiredReplicas == 6)
    }

    @Test(arguments: [(0, 2), (1, 2), (7, 5)])
    func `a count outside the bounds comes back to them`(replicas: Int, expected: Int) {
        let policy = policy(min: 2, max: 5)
        let hint = ScalingHint(
            policy: policy, history: history(policy, seconds: 5, replicas: replicas) { _ in 0 })
        #expect(hint.desiredReplicas == expected)
    }

    @Test(arguments: [0.001, 0.1, 1, 30])
    func `history is bounded at any sampling rate`(interval: Double) {
        let policy = policy()
        var history = LoadHistory(policy: policy)
        for index in 0..<5000 {
            var sample = LoadSample(time: Double(index) * interval)
            sample.running = 20
            history.append(sample)
        }
        #expect(history.points.count <= LoadHistory.pointsMax)
        let mean = history.mean(
            .concurrentRequests, over: min(30, 4000 * interval), endingAt: Double(4999) * interval)
        #expect(abs(mean - 20) < 1e-3)
    }

    @Test func `samples out of order are dropped`() {
        let policy = policy()
        var history = history(policy, seconds: 10) { _ in 3 }
        let before = history
        history.append(LoadSample(time: 10))
        history.append(LoadSample(time: 4))
        #expect(history == before)
    }

    @Test func `a policy that makes no sense is refused with the value and the limit`() {
        var policy = ScalingPolicy()
        policy.replicasMin = 3
        #expect(throws: ScalingPolicyError.minimumAboveMaximum(minimum: 3, maximum: 1)) {
            try policy.validate()
        }
        policy = ScalingPolicy()
        policy.targets = [:]
        #expect(throws: ScalingPolicyError.noTargets) { try policy.validate() }
        policy.targets = [.capacity: -.infinity]
        #expect(throws: ScalingPolicyError.self) { try policy.validate() }
        policy = ScalingPolicy()
        policy.tolerance = .nan
        #expect(throws: ScalingPolicyError.self) { try policy.validate() }
        policy = ScalingPolicy()
        policy.scaleUpWindowSeconds = 0
        #expect(
            throws: ScalingPolicyError.outOfRange(
                field: "scale_up_window_seconds", value: 0, limit: "1 to 86400 seconds")
        ) { try policy.validate() }
        #expect(throws: Never.self) { try ScalingPolicy().validate() }
    }
}
