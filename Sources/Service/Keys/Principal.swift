// Principal.swift: a caller as the service knows it: a name and what it may do. Never holds the secret.

/// A caller that showed a valid key, or anyone where no keys are set.
public struct Principal: Sendable, Hashable {
    /// For logs and fairness; never the secret.
    public let name: String
    /// Names or ids of the endpoints and models it may use; `nil` allows all.
    public let endpoints: Set<String>?
    /// Whether it may change endpoints.
    public let isAdministrator: Bool

    public static let anonymous = Principal(name: "", endpoints: nil, isAdministrator: true)

    public func mayUse(_ endpoint: Endpoint) -> Bool {
        guard let endpoints else { return true }
        return endpoints.contains(endpoint.name) || endpoints.contains(endpoint.id)
            || endpoints.contains(endpoint.model)
    }
}
