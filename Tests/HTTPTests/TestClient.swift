// TestClient.swift: a blocking client over a raw socket, which can behave badly, and reads whole responses.

import Foundation
import HTTP

/// One response as it came.
struct TestResponse: Equatable {
    var status: Int
    var fields: [String: String]
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// A connection to a server under test. Every wait is bounded by `timeoutSeconds`, after which it fails.
final class TestClient {
    struct Failure: Error {
        let reason: String
    }

    static let timeoutSeconds = 20
    let descriptor: Int32
    private var received: [UInt8] = []

    init(_ address: ListenAddress, receiveBufferBytes: Int32? = nil) throws {
        switch address {
        case .internet(let host, let port):
            let isIPv6 = host.contains(":")
            descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            if var bytes = receiveBufferBytes { setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, 4) }
            let code = isIPv6 ? Self.connect6(descriptor, host, port) : Self.connect4(descriptor, host, port)
            guard code == 0 else { throw Failure(reason: "connect: \(String(cString: strerror(errno)))") }
        case .unix(let path):
            descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            guard Self.connectUnix(descriptor, path) == 0 else { throw Failure(reason: "connect \(path)") }
        }
        var timeout = timeval(tv_sec: Self.timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit {
        close(descriptor)
    }

    func send(_ text: String) {
        send(Array(text.utf8))
    }

    func send(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    func endWriting() {
        shutdown(descriptor, Int32(SHUT_WR))
    }

    /// Everything up to the end of the connection.
    func readToEnd() throws -> [UInt8] {
        while try readMore() {}
        defer { received = [] }
        return received
    }

    /// Reads up to and including `mark`.
    func read(through mark: String) throws -> String {
        let mark = Array(mark.utf8)
        while true {
            if let range = received.firstRange(of: mark) {
                defer { received.removeSubrange(..<range.upperBound) }
                return String(decoding: received[..<range.upperBound], as: UTF8.self)
            }
            guard try readMore() else {
                throw Failure(reason: "end before \(mark); got \(String(decoding: received, as: UTF8.self))")
            }
        }
    }

    /// The next response, its chunks joined.
    func response(toHead: Bool = false) throws -> TestResponse {
        let lines = try read(through: "\r\n\r\n").split(separator: "\r\n")
        var response = TestResponse(status: Int(lines[0].split(separator: " ")[1])!, fields: [:], body: [])
        for line in lines.dropFirst() {
            let colon = line.firstIndex(of: ":")!
            let name = line[..<colon].lowercased()
            let value = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            response.fields[name] = response.fields[name].map { "\($0), \(value)" } ?? value
        }
        if toHead || response.status < 200 || response.status == 204 { return response }
        if response.fields["transfer-encoding"] == "chunked" {
            while true {
                let size = Int(try read(through: "\r\n").dropLast(1), radix: 16)!
                response.body += try read(count: size)
                _ = try read(count: 2)
                if size == 0 { return response }
            }
        }
        if let length = response.fields["content-length"] {
            response.body = try read(count: Int(length)!)
        } else {
            response.body = try readToEnd()
        }
        return response
    }

    func read(count: Int) throws -> [UInt8] {
        while received.count < count {
            guard try readMore() else { throw Failure(reason: "end after \(received.count) of \(count) bytes") }
        }
        defer { received.removeFirst(count) }
        return Array(received[..<count])
    }

    /// Whether the server has ended the connection, with nothing left to read.
    func isEnded() throws -> Bool {
        try received.isEmpty && !readMore()
    }

    private func readMore() throws -> Bool {
        var buffer = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        if count < 0 && errno == ECONNRESET { return false }
        guard count >= 0 else { throw Failure(reason: "read: \(String(cString: strerror(errno)))") }
        received += buffer[..<count]
        return count > 0
    }

    private static func connect4(_ descriptor: Int32, _ host: String, _ port: UInt16) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return connect(descriptor, &address)
    }

    private static func connect6(_ descriptor: Int32, _ host: String, _ port: UInt16) -> Int32 {
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        inet_pton(AF_INET6, host, &address.sin6_addr)
        return connect(descriptor, &address)
    }

    private static func connectUnix(_ descriptor: Int32, _ path: String) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        return connect(descriptor, &address)
    }

    private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Int32 {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            }
        }
    }
}
