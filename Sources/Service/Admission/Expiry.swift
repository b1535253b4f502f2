// Expiry.swift: which deadline a request missed.

public enum Expiry: Error, Sendable, Equatable {
    /// No token came within the endpoint's longest wait.
    case waiting(limitSeconds: Double)
    /// The answer was not complete within the endpoint's longest life.
    case running(limitSeconds: Double)
}
