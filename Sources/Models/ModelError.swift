// ModelError.swift: why a checkpoint cannot be served, as facts.
import Checkpoints
import Compute
import Core

public enum ModelError: Error, Sendable, Equatable {
    case architectureUnknown(name: String, known: [String])
    case settingMissing(key: String)
    case settingInvalid(key: String, value: String, expected: String)
    case tensorMissing(name: String)
    case tensorShape(name: String, shape: [Int], expected: [Int])
    case tensorFormat(name: String, format: ElementFormat)
    /// The cache does not hold one page of each group for a sequence of `tokensNeeded`.
    case cacheTooSmall(bytes: Int, bytesNeeded: Int, tokensNeeded: Int)
    case memoryTooSmall(bytesNeeded: Int, bytesAvailable: Int)
    /// A file changed while its weights were packed.
    case checkpoint(CheckpointError)
    case backend(BackendError)
    case workers(WorkerTeamError)
}

extension ModelError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .architectureUnknown(let name, let known):
            "architecture \"\(name)\" is not among those this build serves: \(known.joined(separator: ", "))"
        case .settingMissing(let key): "the checkpoint does not state \(key)"
        case .settingInvalid(let key, let value, let expected): "\(key) is \(value), expected \(expected)"
        case .tensorMissing(let name): "the checkpoint has no tensor \(name)"
        case .tensorShape(let name, let shape, let expected):
            "tensor \(name) has shape \(shape), expected \(expected)"
        case .tensorFormat(let name, let format): "tensor \(name) has format \(format), which has no kernels"
        case .cacheTooSmall(let bytes, let needed, let tokens):
            "a cache of \(bytes) bytes is too small: \(tokens) tokens need \(needed) bytes"
        case .memoryTooSmall(let needed, let available):
            "the model and its cache need \(needed) bytes, the machine has \(available) available"
        case .checkpoint(let error): "\(error)"
        case .backend(.formatUnsupported(let format)): "format \(format) has no kernels"
        case .backend(.shapeUnsupported(let fact, let value, let limit)):
            "\(fact) is \(value), the kernels' limit is \(limit)"
        case .backend(.memoryRefused(let bytes)): "the system refused \(bytes) bytes of memory"
        case .workers(.countOutOfRange(let count, let limit)):
            "\(count) threads asked for, possible are 1 to \(limit)"
        case .workers(.threadsRefused(let count)): "the system refused \(count) threads"
        }
    }
}
