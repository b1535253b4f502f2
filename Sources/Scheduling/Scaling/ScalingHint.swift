// ScalingHint.swift: how many replicas an endpoint should have now, and why.
// A pure function of policy and load history: equal inputs give equal hints, so traces can be
// replayed. It never starts or stops anything; whoever reads the hint does. Its one idea: up
// follows the mean of a short window, down follows the peak of those means in a long one.

/// Advice for the present moment.
public struct ScalingHint: Sendable, Hashable {
    /// One target's view.
    public struct Pressure: Sendable, Hashable {
        public let signal: ScalingSignal
        /// The endpoint's load, averaged over the scale-up window, over all replicas.
        public let load: Double
        /// What one replica should carry.
        public let target: Double
        /// Load over what the present replicas should carry; 1 is exactly full. Of a sleeping
        /// endpoint: of one.
        public let value: Double
        /// Replicas that this signal alone asks for, before the policy's bounds.
        public let replicas: Int
    }

    /// What stands behind the number.
    public enum Decision: Sendable, Hashable {
        /// Too little is known yet: no sample.
        case unknown
        /// The load is what the replicas should carry, within the tolerance.
        case steady
        case up, down
        /// The present load fits fewer replicas, but has not for long enough; seconds until it may.
        case holdingDown(seconds: Double)
        /// The policy's bounds alone decided.
        case bounded
        /// No request came for the whole window.
        case toZero
        /// Requests wait at a sleeping endpoint.
        case wake
        /// Sleeping, and nobody asks.
        case asleep
    }

    public let desiredReplicas: Int
    public let currentReplicas: Int
    /// Per target, in the order of `ScalingSignal.allCases`.
    public let pressures: [Pressure]
    /// The signal that asks for most; `nil` when there is no load history.
    public let binding: ScalingSignal?
    public let decision: Decision

    /// The advice at the time of the history's last sample.
    public init(policy: ScalingPolicy, history: LoadHistory) {
        guard let sample = history.last else {
            self.init(desired: policy.clamped(1), current: 1, pressures: [], decision: .unknown)
            return
        }
        let current = max(sample.replicas, 0)
        let pressures = Self.pressures(policy, history, current: current, at: sample.time)
        let (desired, decision) = Self.decide(policy, history, pressures, sample)
        self.init(desired: desired, current: current, pressures: pressures, decision: decision)
    }

    private init(desired: Int, current: Int, pressures: [Pressure], decision: Decision) {
        desiredReplicas = desired
        currentReplicas = current
        self.pressures = pressures
        self.decision = decision
        var binding = pressures.first
        for pressure in pressures.dropFirst() where pressure.value > binding?.value ?? 0 {
            binding = pressure
        }
        self.binding = binding?.signal
    }

    private static func pressures(
        _ policy: ScalingPolicy, _ history: LoadHistory, current: Int, at time: Double
    ) -> [Pressure] {
        ScalingSignal.allCases.compactMap { signal in
            guard let target = policy.targets[signal] else { return nil }
            let load = history.mean(signal, over: policy.scaleUpWindowSeconds, endingAt: time)
            return Pressure(
                signal: signal, load: load, target: target,
                value: load / (target * Double(max(current, 1))),
                replicas: wanted(load, target))
        }
    }

    private static func decide(
        _ policy: ScalingPolicy, _ history: LoadHistory, _ pressures: [Pressure],
        _ sample: LoadSample
    ) -> (Int, Decision) {
        let current = sample.replicas
        if current <= 0 {
            // A request that waits for a sleeping endpoint waits for nothing else: no window here.
            if sample.demand > 0 || history.activeAt == sample.time {
                return (policy.clamped(1), .wake)
            }
            return policy.replicasMin > 0 ? (policy.replicasMin, .bounded) : (0, .asleep)
        }
        let bounded = policy.clamped(current)
        guard bounded == current else { return (bounded, .bounded) }
        let idleSince = history.activeAt ?? history.startedAt ?? sample.time
        if policy.replicasMin == 0, sample.demand == 0,
            sample.time - idleSince >= policy.scaleToZeroWindowSeconds
        {
            return (0, .toZero)
        }
        let now = pressures.map(\.replicas).max() ?? current
        if now > current {
            let pressure = pressures.map(\.value).max() ?? 0
            let desired = policy.clamped(now)
            guard pressure > 1 + policy.tolerance else { return (current, .steady) }
            return desired > current ? (desired, .up) : (current, .bounded)
        }
        return decideDown(policy, history, now: max(now, 1), sample)
    }

    /// At least one replica stays here; going to zero has its own window.
    private static func decideDown(
        _ policy: ScalingPolicy, _ history: LoadHistory, now: Int, _ sample: LoadSample
    ) -> (Int, Decision) {
        let current = sample.replicas
        let floor = max(policy.replicasMin, 1)
        guard current > floor, now < current else { return (current, .steady) }
        let window = policy.scaleDownWindowSeconds
        let watched = sample.time - (history.startedAt ?? sample.time)
        var desired = floor
        var pressure = 0.0
        for (signal, target) in policy.targets {
            let peak = history.peak(signal, window: policy.scaleUpWindowSeconds, within: window)
            desired = max(desired, wanted(peak, target))
            pressure = max(pressure, peak / (target * Double(current)))
        }
        if watched < window { return (current, .holdingDown(seconds: window - watched)) }
        if desired >= current { return (current, .holdingDown(seconds: window)) }
        guard pressure < 1 - policy.tolerance else { return (current, .steady) }
        return (desired, .down)
    }

    /// Replicas for a load; a hair above a whole number (rounding of sums) asks for no more.
    private static func wanted(_ load: Double, _ target: Double) -> Int {
        let replicas = (load / target - 1e-9).rounded(.up)
        return Int(min(max(replicas, 0), Double(ScalingPolicy.replicasLimit)))
    }
}
