// ScalingPolicyError.swift: why a scaling policy was refused, with the value and the limit.

public enum ScalingPolicyError: Error, Sendable, Equatable {
    case outOfRange(field: String, value: Double, limit: String)
    case minimumAboveMaximum(minimum: Int, maximum: Int)
    case noTargets
}

extension ScalingPolicyError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .outOfRange(let field, let value, let limit):
            "\(field) is \(value), and must be \(limit)"
        case .minimumAboveMaximum(let minimum, let maximum):
            "min_replicas is \(minimum), above max_replicas, which is \(maximum)"
        case .noTargets: "no load target is set; at least one is needed"
        }
    }
}
