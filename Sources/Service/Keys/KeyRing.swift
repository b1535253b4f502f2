// KeyRing.swift: who is calling, by the secret they show. Without keys everybody is the same anonymous caller.
// Its one idea: every comparison looks at every byte of every key, so that time tells nothing.

/// The accepted keys.
public struct KeyRing: Sendable {
    public static let keysMax = 4096
    private let keys: [(secret: [UInt8], principal: Principal)]

    /// Traps above `keysMax` keys or on an empty secret: settings are checked where they are read.
    public init(_ keys: [APIKey] = []) {
        precondition(keys.count <= Self.keysMax, "\(keys.count) keys are above the limit of \(Self.keysMax)")
        self.keys = keys.map { key in
            precondition(!key.secret.isEmpty, "key \(key.name) has an empty secret")
            let principal = Principal(
                name: key.name, endpoints: key.endpoints, isAdministrator: key.isAdministrator)
            return (Array(key.secret.utf8), principal)
        }
    }

    public var isEmpty: Bool { keys.isEmpty }

    /// Who shows this secret; `nil` if nobody does. Cost: all keys, always.
    public func principal(showing secret: String) -> Principal? {
        let shown = Array(secret.utf8)
        var found: Principal?
        for (expected, principal) in keys where Self.equal(expected, shown) { found = principal }
        return found
    }

    private static func equal(_ expected: [UInt8], _ shown: [UInt8]) -> Bool {
        var difference = expected.count ^ shown.count
        for index in expected.indices {
            difference |= Int(expected[index] ^ (index < shown.count ? shown[index] : 0))
        }
        return difference == 0
    }
}
