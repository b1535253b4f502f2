// EndpointSettings.swift: one declared endpoint: a name, limits and a scaling policy.
import Scheduling
import Service

/// What a customer of this server buys.
struct EndpointSettings: Sendable, Equatable {
    static let endpointsMax = EndpointRegistry.endpointsMax

    /// Clients may send it as `model`; unique and not empty.
    var name = ""
    /// The model behind it; empty means the one that this process serves, and there is no other.
    var model = ""
    /// Where `model` stands, for the error.
    var modelPlace = ""
    var limits = EndpointLimits()
    var scaling = ScalingPolicy()
    /// Replicas that exist now; this process sees only itself.
    var replicas = 1
}

extension EndpointLimits {
    /// The optional bounds as settings hold them: 0 stands for "not set".
    var promptTokens: Int {
        get { promptTokensMax ?? 0 }
        set { promptTokensMax = newValue == 0 ? nil : newValue }
    }
    var outputTokens: Int {
        get { outputTokensMax ?? 0 }
        set { outputTokensMax = newValue == 0 ? nil : newValue }
    }
}

extension ScalingPolicy {
    /// Reaches a target by key path; 0 stands for "not set".
    subscript(target signal: ScalingSignal) -> Double {
        get { targets[signal] ?? 0 }
        set { targets[signal] = newValue == 0 ? nil : newValue }
    }
}

extension APIKey {
    /// The endpoints it may use as a list; empty allows all.
    var endpointNames: [String] {
        get { endpoints?.sorted() ?? [] }
        set { endpoints = newValue.isEmpty ? nil : Set(newValue) }
    }
}
