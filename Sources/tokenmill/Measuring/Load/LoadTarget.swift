// LoadTarget.swift: the server under load: where to connect and what to call it.
import Foundation

struct LoadTarget: Sendable, Hashable, CustomStringConvertible {
    enum Place: Sendable, Hashable {
        case internet(host: String, port: UInt16)
        case unix(path: String)
    }

    let place: Place
    /// The Host field.
    let authority: String
    /// Comes before every path: empty, or begins with a slash.
    let prefix: String

    /// - url: with or without the `/v1` that clients are configured with.
    init(url: String, unixSocket: String?) throws(CommandFailure) {
        guard let parts = URLComponents(string: url), parts.scheme == "http",
            let host = parts.host, !host.isEmpty, let port = UInt16(exactly: parts.port ?? 80)
        else {
            throw CommandFailure(
                "'\(url)' is no address that this load generator speaks to",
                advice: "give one like http://127.0.0.1:8080 (no TLS)")
        }
        // Some versions of Foundation keep the brackets of IPv6 addresses, some do not.
        let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let name = bare.contains(":") ? "[\(bare)]" : bare
        authority = parts.port.map { "\(name):\($0)" } ?? name
        var path = parts.path
        while path.hasSuffix("/") { path.removeLast() }
        if path.hasSuffix("/v1") { path.removeLast(3) }
        prefix = path
        place = unixSocket.map { .unix(path: $0) } ?? .internet(host: bare, port: port)
    }

    var description: String {
        switch place {
        case .internet: "http://\(authority)\(prefix)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// The bytes of a request.
    /// - key: of the API, if it wants one. body: `nil` makes it a GET.
    func request(_ path: String, key: String?, body: [UInt8]?) -> [UInt8] {
        var head = "\(body == nil ? "GET" : "POST") \(prefix)\(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        if let key { head += "Authorization: Bearer \(key)\r\n" }
        if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }
}
