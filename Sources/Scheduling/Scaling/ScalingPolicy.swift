// ScalingPolicy.swift: what an endpoint's owner wants of its replicas. A validated value, no state.
// The windows are those of dedicated endpoints in the field: quick up, slow down, slower to zero.

/// How many replicas an endpoint may have, and what load each of them should carry.
public struct ScalingPolicy: Sendable, Hashable {
    public static let replicasLimit = 10_000
    public static let windowSecondsLimit = 86_400.0

    /// 0 allows the endpoint to sleep when nobody asks.
    public var replicasMin = 1
    public var replicasMax = 1
    /// Load that one replica should carry, per signal. With several, the one that asks for most
    /// replicas wins.
    public var targets: [ScalingSignal: Double] = [.capacity: 0.8]
    /// Load is averaged over this long, so a spike must last to count. At least 1.
    public var scaleUpWindowSeconds = 30.0
    /// A replica goes only when the averaged load has fitted without it for this long.
    public var scaleDownWindowSeconds = 600.0
    /// The last replica goes only when there was no request for this long.
    public var scaleToZeroWindowSeconds = 3600.0
    /// No change while the load is within this fraction of what the present replicas should carry.
    public var tolerance = 0.1

    public init() {}

    /// Whether the values make sense together; checked once, where settings or a request are read.
    public func validate() throws(ScalingPolicyError) {
        guard (0...Self.replicasLimit).contains(replicasMin) else {
            throw .outOfRange(
                field: "min_replicas", value: Double(replicasMin),
                limit: "0 to \(Self.replicasLimit)")
        }
        guard (1...Self.replicasLimit).contains(replicasMax) else {
            throw .outOfRange(
                field: "max_replicas", value: Double(replicasMax),
                limit: "1 to \(Self.replicasLimit)")
        }
        guard replicasMin <= replicasMax else {
            throw .minimumAboveMaximum(minimum: replicasMin, maximum: replicasMax)
        }
        guard !targets.isEmpty else { throw .noTargets }
        for (signal, target) in targets.sorted(by: { $0.key.index < $1.key.index }) {
            guard target.isFinite, target > 0 else {
                throw .outOfRange(
                    field: signal.rawValue, value: target, limit: "a finite number above 0")
            }
        }
        let windows = [
            ("scale_up_window_seconds", scaleUpWindowSeconds, 1.0),
            ("scale_down_window_seconds", scaleDownWindowSeconds, 0.0),
            ("scale_to_zero_window_seconds", scaleToZeroWindowSeconds, 0.0),
        ]
        for (field, value, least) in windows {
            guard value.isFinite, (least...Self.windowSecondsLimit).contains(value) else {
                throw .outOfRange(
                    field: field, value: value, limit: "\(Int(least)) to 86400 seconds")
            }
        }
        guard tolerance.isFinite, (0..<1).contains(tolerance) else {
            throw .outOfRange(field: "tolerance", value: tolerance, limit: "0 to below 1")
        }
    }

    /// The count nearest to `replicas` that the policy allows.
    func clamped(_ replicas: Int) -> Int { min(max(replicas, replicasMin), replicasMax) }
}
