// LoadHistory.swift: what is remembered of an endpoint's load: bounded, and no older than the
// windows need. It decides nothing. Its one idea: every signal is kept as a total that grows,
// gauges as their integral over time, so the mean over any window is a difference of two points.
//
// points:  [oldest ........... now - up - down) [ ............ now - up) [ .......... now]
//           dropped                              peaks for going down     mean for going up

/// An endpoint's recent load.
public struct LoadHistory: Sendable, Hashable {
    /// Points kept; samples closer together than `span / pointsMax` share one.
    public static let pointsMax = 1024

    struct Point: Sendable, Hashable {
        var time: Double
        /// `[signals]`, each signal's integral over time since the first sample.
        var totals: [Double]
    }

    let spanSeconds: Double
    /// In order of time.
    private(set) var points: [Point] = []
    private(set) var last: LoadSample?
    /// When the first sample was taken, and when a request was last seen.
    private(set) var startedAt: Double?
    private(set) var activeAt: Double?
    /// Where the newest point began, for merging.
    private var pointBegan = -Double.infinity

    /// Remembers as much as the policy's windows look at.
    public init(policy: ScalingPolicy) {
        spanSeconds = policy.scaleUpWindowSeconds + policy.scaleDownWindowSeconds
    }

    /// Adds a sample; one that is not later than the last is dropped.
    public mutating func append(_ sample: LoadSample) {
        guard let previous = last, let newest = points.last else { return begin(with: sample) }
        let seconds = sample.time - previous.time
        guard seconds > 0 else { return }
        let requests = Self.growth(sample.requestsTotal, since: previous.requestsTotal)
        if sample.demand > 0 || requests > 0 { activeAt = sample.time }
        var totals = newest.totals
        // A gauge holds its value until the next sample.
        totals[ScalingSignal.capacity.index] += previous.capacityReplicas * seconds
        totals[ScalingSignal.concurrentRequests.index] += previous.concurrent * seconds
        totals[ScalingSignal.cacheUsage.index] += previous.cacheReplicas * seconds
        totals[ScalingSignal.requestsPerSecond.index] += requests * sample.share
        totals[ScalingSignal.promptTokensPerSecond.index] +=
            Self.growth(sample.promptTokensTotal, since: previous.promptTokensTotal) * sample.share
        totals[ScalingSignal.generatedTokensPerSecond.index] +=
            Self.growth(sample.generatedTokensTotal, since: previous.generatedTokensTotal)
            * sample.share
        record(Point(time: sample.time, totals: totals))
        last = sample
    }

    /// Mean of a signal over `[end - seconds, end]`; time before the first sample counts as idle.
    func mean(_ signal: ScalingSignal, over seconds: Double, endingAt end: Double) -> Double {
        (total(signal, at: end) - total(signal, at: end - seconds)) / seconds
    }

    /// The largest mean over `window` that ended within the last `seconds`.
    func peak(_ signal: ScalingSignal, window: Double, within seconds: Double) -> Double {
        guard let end = points.last?.time else { return 0 }
        var peak = mean(signal, over: window, endingAt: end)
        let first = firstPoint(notBefore: end - seconds)
        var left = firstPoint(notBefore: points[first].time - window)
        for point in points[first...] {
            let start = point.time - window
            while points[left].time < start { left += 1 }
            let mean = (point.totals[signal.index] - total(signal, at: start, next: left)) / window
            peak = max(peak, mean)
        }
        return peak
    }

    private mutating func begin(with sample: LoadSample) {
        startedAt = sample.time
        pointBegan = sample.time
        if sample.demand > 0 { activeAt = sample.time }
        points = [Point(time: sample.time, totals: ScalingSignal.allCases.map { _ in 0 })]
        last = sample
    }

    private mutating func record(_ point: Point) {
        let resolution = spanSeconds / Double(Self.pointsMax - 2)
        if points.count > 1, point.time - pointBegan < resolution {
            points[points.count - 1] = point
        } else {
            pointBegan = point.time
            points.append(point)
        }
        // One point at or before the span's start stays, to interpolate from.
        let start = point.time - spanSeconds
        let stale = firstPoint(notBefore: start) - 1
        if stale > 0, stale >= points.count / 8 || points.count > Self.pointsMax {
            points.removeFirst(stale)
        }
        if points.count > Self.pointsMax { points.removeFirst(points.count - Self.pointsMax) }
    }

    private func total(_ signal: ScalingSignal, at time: Double) -> Double {
        total(signal, at: time, next: firstPoint(notBefore: time))
    }

    /// - next: the first point not before `time`.
    private func total(_ signal: ScalingSignal, at time: Double, next: Int) -> Double {
        guard next > 0 else { return points.first?.totals[signal.index] ?? 0 }
        guard next < points.count else { return points[points.count - 1].totals[signal.index] }
        let (left, right) = (points[next - 1], points[next])
        let part = (time - left.time) / (right.time - left.time)
        return left.totals[signal.index] + part
            * (right.totals[signal.index] - left.totals[signal.index])
    }

    private func firstPoint(notBefore time: Double) -> Int {
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if points[middle].time < time { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func growth(_ total: UInt64, since previous: UInt64) -> Double {
        Double(total >= previous ? total - previous : total)
    }
}
