// ListenAddress.swift: where a server listens, and what can be wrong with that.

import Glibc

/// A place to listen at.
public enum ListenAddress: Sendable, Hashable {
    /// - host: a name or a numeric IPv4 or IPv6 address without brackets; every address of a name is listened at,
    ///   and `::` means IPv4 as well. port: 0 lets the system choose.
    case internet(host: String, port: UInt16)
    /// - path: of a Unix socket. A stale one is replaced, a live one is an error.
    case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .internet(let host, let port): host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}

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
        case .unixPathTooLong(let path, let limit): "the socket path '\(path)' is longer than \(limit) bytes"
        case .notASocket(let path): "'\(path)' exists and is not a socket"
        case .failed(let address, let operation, let code):
            "\(address): \(operation) failed: \(String(cString: strerror(code)))"
        case .nothingToListenAt: "no address to listen at is given"
        case .alreadyStarted: "the server has been started before"
        }
    }
}
