// DisconnectTests.swift: clients that leave, half or whole, and servers that close.

import Dispatch
import Foundation
import HTTPTypes
import Testing

@testable import HTTP

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Test func `a half-closed client still gets its answers`() throws {
    let server = try TestServer { request, exchange in
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(20)) {
            exchange.respond(.ok, [:], body: Array(request.path.utf8))
        }
    }
    let client = try server.client()
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
    client.endWriting()
    var texts: [String] = []
    while texts.count < 2 {
        let response = try client.response()
        if response.status == 200 { texts.append(response.text) }
    }
    #expect(texts == ["/1", "/2"])
    #expect(try client.isEnded())
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `a half-closed client gets its whole stream`() throws {
    let server = try TestServer { _, exchange in
        exchange.beginStream(.ok, [:])
        exchange.queue.asyncAfter(deadline: .now() + .milliseconds(400)) {
            exchange.write(Array("late".utf8))
            exchange.endStream()
        }
    }
    let client = try server.client()
    client.send(get)
    client.endWriting()
    #expect(try client.response().text == "late")
}

@Test func `a request cut short by a half-close is answered 400`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel")
    client.endWriting()
    #expect(try client.response().status == 400)
    #expect(try client.isEnded())
}

@Test func `a client that vanishes mid-stream is noticed by the next writes`() throws {
    let lost = DispatchSemaphore(value: 0)
    let begun = DispatchSemaphore(value: 0)
    let server = try TestServer { _, exchange in
        let isLost = Records<Bool>()
        exchange.onDisconnect {
            dispatchPrecondition(condition: .onQueue(exchange.queue))
            isLost.append(true)
            lost.signal()
        }
        exchange.beginStream(.ok, [:])
        begun.signal()
        @Sendable func step() {
            guard isLost.all.isEmpty else { return }
            exchange.write(Array("data: x\n\n".utf8))
            exchange.queue.asyncAfter(deadline: .now() + .milliseconds(2)) { step() }
        }
        step()
    }
    var client: TestClient? = try server.client()
    client?.send(get)
    #expect(begun.wait(timeout: .now() + .seconds(20)) == .success)
    client = nil
    #expect(lost.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `a client that vanishes while nothing is written is noticed too`() throws {
    let lost = DispatchSemaphore(value: 0)
    let begun = DispatchSemaphore(value: 0)
    let exchanges = Records<Exchange>()
    let server = try TestServer(configure: { $0.limits.halfClosedPollSeconds = 0.05 }) { _, exchange in
        exchanges.append(exchange)
        exchange.onDisconnect { lost.signal() }
        begun.signal()
    }
    var client: TestClient? = try server.client()
    client?.send(get)
    #expect(begun.wait(timeout: .now() + .seconds(20)) == .success)
    client = nil
    #expect(lost.wait(timeout: .now() + .seconds(20)) == .success)
    exchanges.all[0].respond(.ok, [:], body: [])
    exchanges.all[0].onDisconnect { lost.signal() }
    #expect(lost.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `a client that vanishes inside a request leaves nothing behind`() throws {
    let server = try TestServer()
    var client: TestClient? = try server.client()
    client?.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n")
    #expect(eventually { server.server.connectionCount == 1 })
    client = nil
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `draining finishes what has begun and closes the rest`() throws {
    let exchanges = Records<Exchange>()
    let server = try TestServer { request, exchange in
        exchange.beginStream(.ok, [:])
        exchange.write(Array("a".utf8))
        exchanges.append(exchange)
    }
    let idle = try server.client()
    let busy = try server.client()
    busy.send(get)
    let partial = try server.client()
    partial.send("GET / HTTP/1.1\r\nHost:")
    #expect(eventually { exchanges.all.count == 1 && server.server.connectionCount == 3 })
    // The partial request's bytes must have been read, or its connection would count as idle.
    usleep(100_000)
    server.server.drain()
    #expect(try idle.isEnded())
    #expect(throws: TestClient.Failure.self) { try server.client() }
    partial.send(" a\r\n\r\n")
    #expect(eventually { exchanges.all.count == 2 })
    for exchange in exchanges.all {
        exchange.write(Array("b".utf8))
        exchange.endStream()
    }
    #expect(try busy.response().text == "ab")
    #expect(try busy.isEnded())
    let last = try partial.response()
    #expect(last.text == "ab")
    #expect(last.fields["connection"] == "close")
    #expect(try partial.isEnded())
    for client in [idle, busy, partial] { client.endWriting() }
    #expect(eventually { server.server.connectionCount == 0 })
}

@Test func `stopping cuts everything and tells the handlers`() throws {
    let lost = DispatchSemaphore(value: 0)
    let exchanges = Records<Exchange>()
    let server = try TestServer { _, exchange in
        exchange.onDisconnect { lost.signal() }
        exchange.beginStream(.ok, [:])
        exchanges.append(exchange)
    }
    let client = try server.client()
    client.send(get)
    #expect(eventually { exchanges.all.count == 1 })
    server.server.stop()
    #expect(lost.wait(timeout: .now() + .seconds(20)) == .success)
    #expect(eventually { server.server.connectionCount == 0 })
    _ = try client.readToEnd()
    server.server.stop()
}
