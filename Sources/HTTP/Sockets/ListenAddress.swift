// ListenAddress.swift: where a server listens.

/// A place to listen at.
public enum ListenAddress: Sendable, Hashable {
    /// - host: a name or a numeric IPv4 or IPv6 address without brackets; every address of a name
    ///   is listened at, and `::` means IPv4 as well. port: 0 lets the system choose.
    case internet(host: String, port: UInt16)
    /// - path: of a Unix socket. A stale one is replaced, a live one is an error.
    case unix(path: String)
}

extension ListenAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .internet(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }
}
