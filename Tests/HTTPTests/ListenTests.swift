// ListenTests.swift: where a server can listen, and where it says that it cannot.

import Foundation
import HTTPTypes
import Testing

@testable import HTTP

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

private func temporaryPath() -> String {
    "/tmp/tokenmill-http-\(UInt32.random(in: 0...UInt32.max)).sock"
}

private func start(_ addresses: ListenAddress...) throws -> (Server, [ListenAddress]) {
    let server = Server(
        configuration: ServerConfiguration(listen: addresses), handler: TestServer.echo)
    return (server, try server.start())
}

@Test func `a port in use is an error that names it`() throws {
    let server = try TestServer()
    #expect(throws: ListenError.addressInUse(server.address)) { try start(server.address) }
}

@Test func `nothing stays open when one of several addresses is in use`() throws {
    let taken = try TestServer()
    let path = temporaryPath()
    #expect(throws: ListenError.addressInUse(taken.address)) {
        try start(.unix(path: path), taken.address)
    }
    let (server, _) = try start(.unix(path: path))
    server.stop()
}

/// Whether this machine has `::1`.
private let hasIPv6: Bool = {
    do {
        _ = try TestServer(listen: [.internet(host: "::1", port: 0)])
        return true
    } catch ListenError.failed(_, _, let code) {
        return code != EADDRNOTAVAIL && code != EAFNOSUPPORT
    } catch {
        return true
    }
}()

@Test(.enabled(if: hasIPv6, "this machine has no ::1"))
func `an IPv6 address is listened at`() throws {
    let server = try TestServer(listen: [.internet(host: "::1", port: 0)])
    let client = try server.client()
    client.send(get)
    #expect(try client.response().status == 200)
    #expect(server.address.description.hasPrefix("[::1]:"))
}

@Test func `a name is listened at on each of its addresses with one port`() throws {
    let server = try TestServer(listen: [.internet(host: "localhost", port: 0)])
    let ports = server.addresses.map { address -> UInt16 in
        guard case .internet(_, let port) = address else { return 0 }
        return port
    }
    #expect(Set(ports).count == 1)
    for address in server.addresses {
        let client = try TestClient(address)
        client.send(get)
        #expect(try client.response().status == 200)
    }
}

@Test func `a Unix socket is listened at, and its file goes with the server`() throws {
    let path = temporaryPath()
    let requests = Records<Request>()
    let server = try TestServer(listen: [.unix(path: path)]) { request, exchange in
        requests.append(request)
        exchange.respond(.ok, [:], body: [])
    }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().status == 200)
    #expect(requests.all[0].peer == "unix")
    server.server.stop()
    #expect(!FileManager.default.fileExists(atPath: path))
}

@Test func `a stale socket file is replaced, a live one is in use, a plain file is left alone`()
    throws
{
    let path = temporaryPath()
    let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    _ = try SocketAddress.unix(path: path).withPointer { bind(raw, $0, $1) }
    close(raw)
    let (server, _) = try start(.unix(path: path))
    #expect(throws: ListenError.addressInUse(.unix(path: path))) { try start(.unix(path: path)) }
    server.stop()
    try Data("precious".utf8).write(to: URL(fileURLWithPath: path))
    #expect(throws: ListenError.notASocket(path: path)) { try start(.unix(path: path)) }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "precious")
    try FileManager.default.removeItem(atPath: path)
}

@Test func `addresses that cannot be are refused with their reason`() throws {
    let long = "/tmp/" + String(repeating: "a", count: 200)
    #expect(throws: ListenError.unixPathTooLong(path: long, limit: 107)) {
        try start(.unix(path: long))
    }
    #expect(throws: ListenError.nothingToListenAt) { try start() }
    #expect(throws: ListenError.self) { try start(.internet(host: "host.invalid", port: 0)) }
    #expect(throws: ListenError.self) { try start(.internet(host: "192.0.2.1", port: 0)) }
}

@Test func `a server starts once`() throws {
    let server = try TestServer()
    #expect(throws: ListenError.alreadyStarted) { try server.server.start() }
}

@Test func `several addresses serve at once`() throws {
    let path = temporaryPath()
    let server = try TestServer(listen: [.internet(host: "127.0.0.1", port: 0), .unix(path: path)])
    for address in server.addresses {
        let client = try TestClient(address)
        client.send(get)
        #expect(try client.response().status == 200)
    }
}
