// ScalingSignal.swift: what a load target may be set on.
// Names are the ones that settings, the API and the metrics speak.

/// A measure of an endpoint's load that adds up over its replicas.
public enum ScalingSignal: String, Sendable, Hashable, CaseIterable {
    /// Share of a replica's capacity in demand: requests running and waiting over the sequences a
    /// replica can run, or the cache in use, whichever is larger. Above 1 when requests wait.
    case capacity = "default"
    case generatedTokensPerSecond = "tokens_generated_per_second"
    case promptTokensPerSecond = "prompt_tokens_per_second"
    case requestsPerSecond = "requests_per_second"
    /// Requests running and waiting.
    case concurrentRequests = "concurrent_requests"
    /// Share of the cache's pages that live sequences hold, 0 to 1 for one replica.
    case cacheUsage = "kv_cache_usage"

    /// Position in `allCases`, by which per-signal arrays are indexed.
    var index: Int {
        switch self {
        case .capacity: 0
        case .generatedTokensPerSecond: 1
        case .promptTokensPerSecond: 2
        case .requestsPerSecond: 3
        case .concurrentRequests: 4
        case .cacheUsage: 5
        }
    }
}
