// LimitTests.swift: what a server does when a client takes too long, too much, or too many.

import Dispatch
import Foundation
import HTTPTypes
import Testing

@testable import HTTP

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Test func `an idle connection is closed in silence`() throws {
    let server = try TestServer(configure: { $0.limits.idleSecondsMax = 0.1 })
    let client = try server.client()
    #expect(try client.isEnded())
    let later = try server.client()
    later.send(get)
    #expect(try later.response().status == 200)
    #expect(try later.isEnded())
}

@Test func `a head that does not end in time is answered 408`() throws {
    let server = try TestServer(configure: { $0.limits.headSecondsMax = 0.1 })
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\nHost:")
    #expect(try client.response().status == 408)
    #expect(try client.isEnded())
}

@Test func `a head that trickles in has no more time than one that stops`() throws {
    let server = try TestServer(configure: { $0.limits.headSecondsMax = 0.2 })
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\n")
    let descriptor = client.descriptor
    DispatchQueue.global().async {
        while server.refusals.all.isEmpty {
            _ = send(descriptor, "X", 1, Int32(MSG_NOSIGNAL))
            usleep(5_000)
        }
    }
    #expect(try client.response().status == 408)
}

@Test func `a body that does not end in time is answered 408`() throws {
    let server = try TestServer(configure: { $0.limits.bodySecondsMax = 0.1 })
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    #expect(try client.response().status == 408)
    #expect(try client.isEnded())
}

@Test func `a handler may take longer than any limit on clients`() throws {
    let server = try TestServer(configure: {
        $0.limits.idleSecondsMax = 0.05
        $0.limits.headSecondsMax = 0.05
        $0.limits.bodySecondsMax = 0.05
    }) { _, exchange in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(400)) {
            exchange.respond(.ok, [:], body: [])
        }
    }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().status == 200)
}

@Test func `a header bomb is answered 431 and leaves others untouched`() throws {
    let server = try TestServer()
    let other = try server.client()
    other.send("GET / HTTP/1.1\r\n")
    let client = try server.client()
    client.send(
        "GET / HTTP/1.1\r\nHost: a\r\n"
            + String(repeating: "X: yyyyyyyyyyyyyyyyyyyyyyyyy\r\n", count: 20_000))
    #expect(try client.response().status == 431)
    other.send("Host: a\r\n\r\n")
    #expect(try other.response().status == 200)
}

@Test func `a body that never ends is answered 413`() throws {
    let server = try TestServer(configure: { $0.limits.bodyBytesMax = 1 << 16 })
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
    let chunk = "4000\r\n" + String(repeating: "x", count: 0x4000) + "\r\n"
    for _ in 0..<6 { client.send(chunk) }
    #expect(try client.response().status == 413)
}

@Test func `a reader too slow for its stream is cut off and the handler is told`() throws {
    let lost = DispatchSemaphore(value: 0)
    let server = try TestServer(configure: { $0.limits.outboundBytesMax = 64 << 10 }) {
        _, exchange in
        exchange.onDisconnect { lost.signal() }
        exchange.beginStream(.ok, [:])
        // Far more than any kernel buffers; after the cut all of it is ignored.
        for _ in 0..<2000 { exchange.write([UInt8](repeating: 65, count: 16 << 10)) }
        exchange.endStream()
    }
    let client = try TestClient(server.address, receiveBufferBytes: 4096)
    client.send(get)
    #expect(lost.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `one write may be larger than the bound on what waits`() throws {
    let bytes = [UInt8](repeating: 65, count: 8 << 20)
    let server = try TestServer(configure: { $0.limits.outboundBytesMax = 64 << 10 }) { _, exchange in
        exchange.beginStream(.ok, [:])
        exchange.write(bytes)
        exchange.endStream()
    }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().body == bytes)
}

@Test func `a reader that keeps up gets a stream of any length`() throws {
    let server = try TestServer(configure: { $0.limits.outboundBytesMax = 64 << 10 }) {
        _, exchange in
        exchange.beginStream(.ok, [:])
        @Sendable func step(_ index: Int) {
            guard index < 400 else { return exchange.endStream() }
            exchange.write([UInt8](repeating: UInt8(index & 0xFF), count: 4096))
            exchange.queue.asyncAfter(deadline: .now() + .microseconds(200)) { step(index + 1) }
        }
        step(0)
    }
    let client = try server.client()
    client.send(get)
    let body = try client.response().body
    #expect(body.count == 400 * 4096)
    #expect(body.indices.allSatisfy { body[$0] == UInt8(($0 / 4096) & 0xFF) })
}

@Test func `a reader that stops altogether is dropped after the stall limit`() throws {
    let server = try TestServer(configure: { $0.limits.stallSecondsMax = 0.2 }) { _, exchange in
        exchange.respond(.ok, [:], body: [UInt8](repeating: 65, count: 64 << 20))
    }
    let client = try TestClient(server.address, receiveBufferBytes: 4096)
    client.send(get)
    #expect(eventually { server.server.connectionCount == 1 })
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `a reader that takes next to nothing is dropped after the stall limit too`() throws {
    let server = try TestServer(configure: {
        $0.limits.stallSecondsMax = 3
        $0.limits.stallBytesMin = 1 << 30
    }) { _, exchange in
        exchange.respond(.ok, [:], body: [UInt8](repeating: 65, count: 64 << 20))
    }
    let client = try server.client()
    client.send(get)
    let dropped = eventually {
        // About a megabyte per second, so that some leaves every second.
        _ = try? client.read(count: 20 << 10)
        usleep(15_000)
        return server.server.connectionCount == 0
    }
    #expect(dropped)
}

@Test func `a refusal can be read by a client that is still sending`() throws {
    let server = try TestServer(configure: { $0.limits.bodyBytesMax = 1 << 10 })
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \(16 << 20)\r\n\r\n")
    client.send([UInt8](repeating: 65, count: 16 << 20))
    let response = try client.response()
    #expect(response.status == 413)
    #expect(response.text.contains("1024"))
    #expect(try client.isEnded())
}

@Test func `a whole response may be larger than the bound on streams`() throws {
    let server = try TestServer(configure: { $0.limits.outboundBytesMax = 1024 }) { _, exchange in
        exchange.respond(.ok, [:], body: [UInt8](repeating: 65, count: 8 << 20))
    }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().body.count == 8 << 20)
}

@Test func `connections beyond the limit are told 503 and the others go on`() throws {
    let server = try TestServer(configure: { $0.limits.connectionsMax = 2 })
    let first = try server.client()
    let second = try server.client()
    #expect(eventually { server.server.connectionCount == 2 })
    let third = try server.client()
    let refused = try third.response()
    #expect(refused.status == 503)
    #expect(refused.fields["retry-after"] == "1")
    for client in [first, second] {
        client.send(get)
        #expect(try client.response().status == 200)
    }
}

@Test func `connections far beyond the limit are closed`() throws {
    let server = try TestServer(configure: {
        $0.limits.connectionsMax = 1
        $0.limits.refusedConnectionsMax = 0
    })
    let first = try server.client()
    #expect(eventually { server.server.connectionCount == 1 })
    #expect(try server.client().isEnded())
    first.send(get)
    #expect(try first.response().status == 200)
}

@Test func `a client that sends on after its refusal is cut off at the linger bound`() throws {
    let server = try TestServer(configure: {
        $0.limits.lingerBytesMax = 1 << 16
        $0.limits.lingerSecondsMax = 1000
    })
    let client = try server.client()
    client.send("BAD\r\n\r\n")
    #expect(eventually { server.refusals.all.count == 1 })
    client.send([UInt8](repeating: 65, count: 1 << 20))
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `two thousand connections stay open and are each still answered`() throws {
    var descriptors = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &descriptors)
    descriptors.rlim_cur = descriptors.rlim_max
    setrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &descriptors)
    let count = 2000
    try #require(descriptors.rlim_max > 2 * count + 1000, "too few descriptors: \(descriptors.rlim_max)")
    let server = try TestServer()
    let clients = try (0..<count).map { _ in try server.client() }
    #expect(eventually { server.server.connectionCount == count })
    for client in clients { client.send(get) }
    for client in clients { #expect(try client.response().status == 200) }
}
