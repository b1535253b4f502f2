// ServiceConfiguration.swift: what the settings decide about the service as a whole.

public struct ServiceConfiguration: Sendable {
    /// Without keys, everybody may do everything.
    public var keys = KeyRing()
    /// Limits and scaling of endpoints that say nothing themselves.
    public var limits = EndpointLimits()
    /// Text above this is tokenized on a worker queue, so that other connections of a shard go on.
    public var inlineTextBytesMax = 64 << 10
    /// Long prompts being tokenized or waiting for it.
    public var longPromptsMax = 64
    /// What `/version` says.
    public var version = "0.1.0"

    public init() {}
}
