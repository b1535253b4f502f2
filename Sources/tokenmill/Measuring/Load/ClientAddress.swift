// ClientAddress.swift: the system's addresses of a server, resolved once before the load.
import Glibc

struct ClientAddress: Sendable {
    let family: Int32
    /// A `sockaddr` of the family.
    let bytes: [UInt8]

    /// Every address of a target, in the system's order.
    static func resolve(_ target: LoadTarget) throws(CommandFailure) -> [ClientAddress] {
        switch target.place {
        case .internet(let host, let port): try internet(host, port)
        case .unix(let path): [try unix(path)]
        }
    }

    private static func internet(
        _ host: String, _ port: UInt16
    ) throws(CommandFailure) -> [ClientAddress] {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0, let list else {
            let reason = String(cString: gai_strerror(code))
            throw CommandFailure(
                "the host '\(host)' cannot be resolved: \(reason)", advice: "check --url")
        }
        defer { freeaddrinfo(list) }
        return sequence(first: list, next: { $0.pointee.ai_next }).map { entry in
            let raw = UnsafeRawBufferPointer(
                start: entry.pointee.ai_addr, count: Int(entry.pointee.ai_addrlen))
            return ClientAddress(family: entry.pointee.ai_family, bytes: Array(raw))
        }
    }

    private static func unix(_ path: String) throws(CommandFailure) -> ClientAddress {
        var address = sockaddr_un()
        let limit = MemoryLayout.size(ofValue: address.sun_path) - 1
        guard path.utf8.count <= limit, !path.isEmpty else {
            throw CommandFailure(
                "the socket path has \(path.utf8.count) bytes, limit \(limit)",
                advice: "check --unix-socket")
        }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return ClientAddress(family: AF_UNIX, bytes: withUnsafeBytes(of: &address) { Array($0) })
    }
}
