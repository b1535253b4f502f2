// APIKey.swift: one key as the settings declare it.

/// One key from the settings.
public struct APIKey: Sendable, Hashable {
    public var name: String
    public var secret: String
    public var endpoints: Set<String>?
    public var isAdministrator: Bool

    public init(name: String, secret: String, endpoints: Set<String>? = nil, isAdministrator: Bool = false) {
        self.name = name
        self.secret = secret
        self.endpoints = endpoints
        self.isAdministrator = isAdministrator
    }
}
