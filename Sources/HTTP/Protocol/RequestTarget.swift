// RequestTarget.swift: the four forms of a request target (RFC 9112 section 3.2), told apart strictly.
// Nothing is decoded or normalized: a path is handed on as it was written.

/// A request target that has one of the four forms.
enum RequestTarget: Sendable, Hashable {
    case origin(path: String, query: String?)
    case absolute(authority: String, path: String, query: String?)
    case authority(String)
    case asterisk

    /// - bytes: the target as it stands in the request line, not empty.
    init(_ bytes: ArraySlice<UInt8>, method: String) throws(ProtocolError) {
        // Letters beyond RFC 3986, such as a quote or a brace, are common and harmless; what is not visible is not.
        if let byte = bytes.first(where: { $0 <= 0x20 || $0 >= ByteClasses.delete }) { throw .targetByte(byte) }
        // RFC 9112 section 3.2: a target has no fragment.
        if bytes.contains(UInt8(ascii: "#")) { throw .targetFragment }
        if method == "CONNECT" {
            guard Self.isAuthority(bytes, portRequired: true) else { throw .authorityForm }
            self = .authority(String(decoding: bytes, as: UTF8.self))
        } else if bytes.elementsEqual(CollectionOfOne(UInt8(ascii: "*"))) {
            guard method == "OPTIONS" else { throw .asteriskForm }
            self = .asterisk
        } else if bytes.first == UInt8(ascii: "/") {
            let (path, query) = Self.split(bytes)
            self = .origin(path: path, query: query)
        } else {
            self = try Self.absoluteForm(bytes)
        }
    }

    private static func absoluteForm(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> RequestTarget {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            ByteClasses.matches(bytes[..<colon], "http") || ByteClasses.matches(bytes[..<colon], "https"),
            bytes[colon...].starts(with: "://".utf8)
        else { throw .targetForm }
        let rest = bytes[(colon + 3)...]
        let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? rest.endIndex
        var host = rest[..<end]
        if let at = host.lastIndex(of: UInt8(ascii: "@")) {
            let isUserInformation = host[..<at].allSatisfy {
                ByteClasses.isRegisteredName($0) || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "@")
            }
            guard isUserInformation else { throw .targetForm }
            host = host[(at + 1)...]
        }
        // RFC 9110 section 4.2.1: an http URL with an empty host is invalid.
        guard isAuthority(host, portRequired: false), host.first.map({ $0 != UInt8(ascii: ":") }) ?? false
        else { throw .targetForm }
        let (path, query) = split(rest[end...])
        return .absolute(
            authority: String(decoding: host, as: UTF8.self), path: path.isEmpty ? "/" : path, query: query)
    }

    private static func split(_ bytes: ArraySlice<UInt8>) -> (path: String, query: String?) {
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else {
            return (String(decoding: bytes, as: UTF8.self), nil)
        }
        return (
            String(decoding: bytes[..<mark], as: UTF8.self), String(decoding: bytes[(mark + 1)...], as: UTF8.self)
        )
    }

    /// uri-host [ ":" port ] of RFC 9110 section 7.2; an empty host is allowed unless a port is required.
    static func isAuthority(_ bytes: ArraySlice<UInt8>, portRequired: Bool) -> Bool {
        var rest = bytes
        if rest.first == UInt8(ascii: "[") {
            guard let close = rest.firstIndex(of: UInt8(ascii: "]")), close > rest.startIndex + 1 else { return false }
            let literal = rest[(rest.startIndex + 1)..<close]
            guard literal.allSatisfy({ ByteClasses.isRegisteredName($0) || $0 == UInt8(ascii: ":") })
            else { return false }
            rest = rest[(close + 1)...]
        } else {
            let end = rest.firstIndex { !ByteClasses.isRegisteredName($0) } ?? rest.endIndex
            if portRequired && end == rest.startIndex { return false }
            rest = rest[end...]
        }
        guard let first = rest.first else { return !portRequired }
        let port = rest.dropFirst()
        return first == UInt8(ascii: ":") && port.allSatisfy(ByteClasses.isDigit) && !(portRequired && port.isEmpty)
    }
}
