// ServerTests.swift: requests and answers over real sockets.

import Dispatch
import Foundation
import HTTPTypes
import Synchronization
import Testing

@testable import HTTP

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

@Test func `a request is answered and the connection stays`() throws {
    let server = try TestServer()
    let client = try server.client()
    for index in 0..<3 {
        client.send("POST /v1/x?n=\(index) HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello")
        let response = try client.response()
        #expect(response.status == 200)
        #expect(response.text == "POST /v1/x n=\(index) hello")
        #expect(response.fields["connection"] == nil)
        #expect(response.fields["date"]?.hasSuffix("GMT") == true)
    }
}

@Test func `pipelined requests are answered in order though handlers finish out of order`() throws {
    let server = try TestServer { request, exchange in
        let delay = request.path == "/0" ? 30 : 0
        DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(delay)) {
            exchange.respond(.ok, [:], body: Array(request.path.utf8))
        }
    }
    let client = try server.client()
    client.send((0..<40).map { "GET /\($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined())
    for index in 0..<40 { #expect(try client.response().text == "/\(index)") }
}

@Test func `many requests in one turn yield and are all answered`() throws {
    let server = try TestServer(configure: { $0.limits.requestsPerTurnMax = 2 })
    let client = try server.client()
    client.send(String(repeating: get, count: 101))
    for _ in 0..<101 { #expect(try client.response().status == 200) }
}

@Test func `a pipelining client is read no further than its bound`() throws {
    let exchanges = Records<Exchange>()
    let server = try TestServer(configure: { $0.limits.pipelinedBytesMax = 1024 }) { _, exchange in
        exchanges.append(exchange)
    }
    let client = try server.client()
    client.send(get)
    #expect(eventually { exchanges.all.count == 1 })
    let flags = fcntl(client.descriptor, F_GETFL)
    _ = fcntl(client.descriptor, F_SETFL, flags | O_NONBLOCK)
    let filler = [UInt8](repeating: UInt8(ascii: "\n"), count: 65536)
    var sent = 0
    // Fills both kernels' buffers; a server that read on would never let this stop.
    _ = eventually {
        let count = send(client.descriptor, filler, filler.count, Int32(MSG_NOSIGNAL))
        sent += max(count, 0)
        if count < 0 { usleep(100_000) }
        return count < 0 && send(client.descriptor, filler, 1, Int32(MSG_NOSIGNAL)) < 0
    }
    #expect(sent < 64 << 20)
    _ = fcntl(client.descriptor, F_SETFL, flags)
    exchanges.all[0].respond(.ok, [:], body: [])
    #expect(try client.response().status == 200)
    #expect(try client.response().status == 400)
}

@Test func `a pipelining client is read no further while its requests wait for their turn`() throws {
    // More than all kernel buffers hold together.
    let backlogMax = 16 << 20
    let answered = Atomic(0)
    let server = try TestServer(configure: { $0.limits.requestsPerTurnMax = 1 }) { _, exchange in
        answered.add(1, ordering: .relaxed)
        exchange.respond(.ok, [:], body: [])
    }
    let client = try server.client()
    let descriptor = client.descriptor
    let reader = DispatchGroup()
    DispatchQueue.global().async(group: reader) {
        var answers = [UInt8](repeating: 0, count: 1 << 16)
        while recv(descriptor, &answers, answers.count, 0) > 0 {}
    }
    let flood = Array(String(repeating: get, count: 2_000).utf8)
    let end = Date().addingTimeInterval(2)
    var (sent, backlog) = (0, 0)
    while Date() < end, backlog < backlogMax {
        let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
        let offset = sent % get.utf8.count
        let count = flood.withUnsafeBytes { send(descriptor, $0.baseAddress! + offset, $0.count - offset, flags) }
        sent += max(count, 0)
        backlog = sent - answered.load(ordering: .relaxed) * get.utf8.count
        if count < 0 { usleep(1_000) }
    }
    #expect(backlog < backlogMax)
    shutdown(descriptor, Int32(SHUT_RDWR))
    reader.wait()
}

@Test func `a client that asks on and reads nothing is answered no further than the bound`() throws {
    let count = 400
    let asked = Records<Bool>()
    let server = try TestServer(configure: { $0.limits.outboundBytesMax = 64 << 10 }) { _, exchange in
        asked.append(true)
        exchange.respond(.ok, [:], body: [UInt8](repeating: 65, count: 64 << 10))
    }
    let client = try TestClient(server.address, receiveBufferBytes: 4096)
    client.send(String(repeating: get, count: count))
    #expect(eventually { !asked.all.isEmpty })
    usleep(300_000)
    // What the kernels hold is theirs to bound; it is a few megabytes.
    #expect(asked.all.count < count / 2)
    for _ in 0..<count { #expect(try client.response().body.count == 64 << 10) }
    #expect(asked.all.count == count)
}

@Test func `a stream arrives in chunks and the connection stays`() throws {
    let server = try TestServer { _, exchange in
        exchange.beginStream(.ok, [.contentType: "text/event-stream"])
        for index in 0..<5 { exchange.write(Array("data: \(index)\n\n".utf8)) }
        exchange.write([])
        exchange.endStream()
    }
    let client = try server.client()
    for _ in 0..<2 {
        client.send(get)
        let response = try client.response()
        #expect(response.fields["transfer-encoding"] == "chunked")
        #expect(response.text == (0..<5).map { "data: \($0)\n\n" }.joined())
    }
}

@Test func `a stream written from another thread keeps its order`() throws {
    let server = try TestServer { _, exchange in
        DispatchQueue.global().async {
            exchange.beginStream(.ok, [:])
            for index in 0..<1000 { exchange.write(Array("\(index),".utf8)) }
            exchange.endStream()
        }
    }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().text == (0..<1000).map { "\($0)," }.joined())
}

@Test func `an HTTP 1.0 stream ends with the connection`() throws {
    let server = try TestServer { _, exchange in
        exchange.beginStream(.ok, [:])
        exchange.write(Array("hello".utf8))
        exchange.endStream()
    }
    let client = try server.client()
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    let response = try client.response()
    #expect(response.fields["transfer-encoding"] == nil)
    #expect(response.fields["connection"] == "close")
    #expect(response.text == "hello")
}

@Test func `an HTTP 1.0 connection stays only if asked to`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    #expect(try client.response().fields["connection"] == "keep-alive")
    client.send("GET / HTTP/1.0\r\n\r\n")
    #expect(try client.response().fields["connection"] == "close")
    #expect(try client.isEnded())
}

@Test func `connection close ends the connection and what follows is not answered`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get)
    #expect(try client.response().fields["connection"] == "close")
    #expect(try client.isEnded())
}

@Test func `HEAD gets the fields of GET and no body`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" + get)
    #expect(try client.response(toHead: true).fields["content-length"] == "9")
    #expect(try client.response().text == "GET / - ")
}

@Test func `HEAD of a stream gets its fields and no chunks`() throws {
    let server = try TestServer { _, exchange in
        exchange.beginStream(.ok, [:])
        exchange.write([1])
        exchange.endStream()
    }
    let client = try server.client()
    for _ in 0..<2 {
        client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.response(toHead: true).fields["transfer-encoding"] == "chunked")
    }
}

@Test func `a client that expects 100 is told to go on`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(try client.response().status == 100)
    client.send("hi")
    #expect(try client.response().text == "POST / - hi")
}

@Test func `a client that expects 100 for a body over the limit is refused before it sends`() throws
{
    let server = try TestServer(configure: { $0.limits.bodyBytesMax = 10 })
    let client = try server.client()
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
    #expect(try client.response().status == 413)
    #expect(try client.isEnded())
}

@Test func `an exchange that is dropped answers 500`() throws {
    let server = try TestServer { _, _ in }
    let client = try server.client()
    client.send(get)
    #expect(try client.response().status == 500)
}

@Test func `a stream that is dropped is cut and not ended`() throws {
    let server = try TestServer { _, exchange in
        exchange.beginStream(.ok, [:])
        exchange.write([65])
    }
    let client = try server.client()
    client.send(get)
    #expect(!String(decoding: try client.readToEnd(), as: UTF8.self).hasSuffix("0\r\n\r\n"))
}

@Test func `bodiless statuses carry neither body nor length`() throws {
    let server = try TestServer { _, exchange in exchange.respond(.noContent, [:], body: [1, 2, 3])
    }
    let client = try server.client()
    for _ in 0..<2 {
        client.send(get)
        let response = try client.response()
        #expect(response.status == 204)
        #expect(response.fields["content-length"] == nil)
    }
}

@Test func `a handler's framing fields are the server's to write`() throws {
    let server = try TestServer { _, exchange in
        exchange.respond(.ok, [.contentLength: "999", .transferEncoding: "chunked"], body: [65])
    }
    let client = try server.client()
    client.send(get)
    let response = try client.response()
    #expect(response.fields["content-length"] == "1")
    #expect(response.fields["transfer-encoding"] == nil)
}

@Test func `a request names its host, peer and scheme`() throws {
    let requests = Records<Request>()
    let server = try TestServer { request, exchange in
        requests.append(request)
        exchange.respond(.ok, [:], body: [])
    }
    let client = try server.client()
    client.send("GET http://b:1/x?y HTTP/1.1\r\nHost: a\r\n\r\n")
    _ = try client.response()
    let request = requests.all[0]
    #expect(request.head.authority == "b:1")
    #expect(request.head.path == "/x?y")
    #expect(request.path == "/x")
    #expect(request.query == "y")
    #expect(request.head.scheme == "http")
    #expect(request.peer.hasPrefix("127.0.0.1:"))
    #expect(!request.isSecure)
}

@Test func `CONNECT is not offered and OPTIONS for the server is`() throws {
    let server = try TestServer()
    let client = try server.client()
    client.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.response().status == 501)
    client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n")
    #expect(try client.response().status == 204)
}

@Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
])
func `a broken request is answered with an error body and the end`(request: String, status: Int)
    throws
{
    let server = try TestServer()
    let client = try server.client()
    client.send(get + request + get)
    #expect(try client.response().status == 200)
    let response = try client.response()
    #expect(response.status == status)
    #expect(response.fields["content-type"] == "application/json")
    #expect(response.fields["connection"] == "close")
    #expect(response.text.hasPrefix("{\"error\":"))
    #expect(try client.isEnded())
    #expect(server.refusals.all.map(\.status.code) == [status])
}
