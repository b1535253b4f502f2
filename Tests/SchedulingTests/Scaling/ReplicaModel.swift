// ReplicaModel.swift: an endpoint in miniature for replaying traces against the hint.
// Replicas have slots and a speed; a new one takes a while to start. Follows every hint at once.
@testable import Scheduling

struct TraceRequest {
    var arrival: Double
    var promptTokens: Int
    var outputTokens: Int
}

struct ReplicaModel {
    struct Moment {
        var time: Double
        var replicas: Int
        var waiting: Int
        var hint: ScalingHint
    }

    /// One replica: sequences at once, and tokens per second of prompt and of each sequence.
    var slots = 8
    var promptTokensPerSecond = 4000.0
    var outputTokensPerSecond = 25.0
    var startSeconds = 20.0
    var tickSeconds = 1.0

    private(set) var moments: [Moment] = []
    private(set) var completed = 0
    private(set) var waitSecondsMax = 0.0

    /// Runs the trace, then `tail` idle seconds.
    mutating func replay(
        _ trace: [TraceRequest], policy: ScalingPolicy, tail: Double, replicas first: Int
    ) {
        var history = LoadHistory(policy: policy)
        var queue: [TraceRequest] = []
        var queueHead = 0
        var running: [(ends: Double, request: TraceRequest)] = []
        var ready = first
        var starting: [Double] = []
        var sample = LoadSample(time: 0)
        var next = 0
        let end = (trace.last?.arrival ?? 0) + tail
        var time = 0.0
        while time <= end {
            while next < trace.count, trace[next].arrival <= time {
                queue.append(trace[next])
                sample.requestsTotal += 1
                next += 1
            }
            for ended in running where ended.ends <= time {
                completed += 1
                sample.promptTokensTotal += UInt64(ended.request.promptTokens)
                sample.generatedTokensTotal += UInt64(ended.request.outputTokens)
            }
            running.removeAll { $0.ends <= time }
            ready += starting.filter { $0 <= time }.count
            starting.removeAll { $0 <= time }
            while queueHead < queue.count, running.count < ready * slots {
                let request = queue[queueHead]
                queueHead += 1
                waitSecondsMax = max(waitSecondsMax, time - request.arrival)
                running.append((time + seconds(of: request), request))
            }
            sample.time = time
            sample.replicas = ready
            sample.observed = ready
            sample.running = running.count
            sample.waiting = queue.count - queueHead
            sample.sequencesMax = slots
            sample.cacheUsage =
                ready > 0 ? min(1, Double(running.count) / Double(ready * slots)) : 0
            history.append(sample)
            let hint = ScalingHint(policy: policy, history: history)
            moments.append(Moment(time: time, replicas: ready, waiting: sample.waiting, hint: hint))
            let coming = ready + starting.count
            if hint.desiredReplicas > coming {
                for _ in coming..<hint.desiredReplicas { starting.append(time + startSeconds) }
            } else if hint.desiredReplicas < ready, starting.isEmpty {
                ready = hint.desiredReplicas
            }
            time += tickSeconds
        }
    }

    private func seconds(of request: TraceRequest) -> Double {
        Double(request.promptTokens) / promptTokensPerSecond + Double(request.outputTokens)
            / outputTokensPerSecond
    }
}
