// ListenError.swift: why a server cannot listen: the address, the step, the system's reason.

import Glibc

/// Why a server cannot listen.
public enum ListenError: Error, Sendable, Hashable {
    case addressInUse(ListenAddress)
    case unresolvable(host: String, reason: String)
    case unixPathTooLong(path: String, limit: Int)
    case notASocket(path: String)
    case failed(ListenAddress, operation: String, code: Int32)
    case nothingToListenAt
    case alreadyStarted
}

extension ListenError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .addressInUse(let address): "\(address) is in use by another process"
        case .unresolvable(let host, let reason): "the host '\(host)' cannot be resolved: \(reason)"
        case .unixPathTooLong(let path, let limit):
            "the socket path '\(path)' is longer than \(limit) bytes"
        case .notASocket(let path): "'\(path)' exists and is not a socket"
        case .failed(let address, let operation, let code):
            "\(address): \(operation) failed: \(String(cString: strerror(code)))"
        case .nothingToListenAt: "no address to listen at is given"
        case .alreadyStarted: "the server has been started before"
        }
    }
}
