// EndpointError.swift: why a change to the endpoints was refused.
import Scheduling

public enum EndpointError: Error, Sendable, Equatable {
    case nameTaken(String)
    case nameInvalid(String)
    case modelUnknown(String)
    case unknown(id: String)
    case tooMany(limit: Int)
    case limits(String)
    case scaling(ScalingPolicyError)
}
