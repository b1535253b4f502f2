// NegotiationTests.swift: gzip, cross-origin calls, dates, and the buffer that holds what leaves.

import CZlib
import HTTPTypes
import Material
import Testing

@testable import HTTP

private func gunzip(_ bytes: [UInt8], bytesMax: Int) -> [UInt8] {
    var stream = z_stream()
    #expect(inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK)
    defer { inflateEnd(&stream) }
    var input = bytes
    return [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
        input.withUnsafeMutableBufferPointer { source in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = buffer.baseAddress
            stream.avail_out = UInt32(bytesMax)
            #expect(inflate(&stream, Z_FINISH) == Z_STREAM_END)
        }
        count = bytesMax - Int(stream.avail_out)
    }
}

private let text = Array(String(repeating: "{\"token\": 1234567890},", count: 500).utf8)

private func serve(_ type: String, _ body: [UInt8]) throws -> TestServer {
    try TestServer { _, exchange in exchange.respond(.ok, [.contentType: type], body: body) }
}

@Test(arguments: [0, 1, 1023, 1024, 1 << 20]) func `gzip gives back what went in`(count: Int) throws
{
    var generator = SeededNumbers(seed: 7)
    let bytes = (0..<count).map { _ in UInt8.random(in: 0...15, using: &generator) }
    let packed = try #require(ContentCoding.gzip(bytes))
    #expect(gunzip(packed, bytesMax: count + 1) == bytes)
}

@Test func `an accepted gzip packs a whole response`() throws {
    let server = try serve("application/json", text)
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: br, gzip;q=0.5\r\n\r\n")
    let packed = try client.response()
    #expect(packed.fields["content-encoding"] == "gzip")
    #expect(packed.fields["vary"] == "Accept-Encoding")
    #expect(packed.body.count < text.count / 4)
    #expect(gunzip(packed.body, bytesMax: text.count + 1) == text)
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    let plain = try client.response()
    #expect(plain.fields["content-encoding"] == nil)
    #expect(plain.fields["vary"] == "Accept-Encoding")
    #expect(plain.body == text)
}

@Test(arguments: [("application/json", 100), ("image/png", 100_000), ("audio/wav", 100_000)])
func `small and binary responses are left as they are`(type: String, count: Int) throws {
    let server = try serve(type, [UInt8](repeating: 65, count: count))
    let client = try server.client()
    client.send("GET / HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n")
    let response = try client.response()
    #expect(response.fields["content-encoding"] == nil)
    #expect(response.body.count == count)
}

@Test(arguments: [
    ("gzip", true), ("GZIP", true), ("x-gzip", true), ("*", true), ("br, *;q=0.1", true),
    ("gzip;q=0.001", true),
    ("deflate, gzip;q=1.0, *;q=0", true), ("", false), ("br", false), ("gzip;q=0", false),
    ("gzip; Q=0.000", false),
    ("*;q=0", false), ("gzip;q=0, *", false), ("gzippy", false), ("identity", false),
])
func `accepting gzip is read by its grammar`(value: String, accepts: Bool) {
    #expect(ContentCoding.acceptsGzip([.acceptEncoding: value]) == accepts)
}

private func preflight(_ client: TestClient, origin: String) throws -> TestResponse {
    client.send(
        "OPTIONS /v1/models HTTP/1.1\r\nHost: a\r\nOrigin: \(origin)\r\n"
            + "Access-Control-Request-Method: POST\r\n"
            + "Access-Control-Request-Headers: authorization,x-stainless-os\r\n\r\n")
    return try client.response()
}

@Test func `a browser of an allowed origin is let in, another is not`() throws {
    let server = try TestServer(configure: {
        $0.crossOrigin = .init(allowedOrigins: .listed(["https://good"]))
    })
    let client = try server.client()
    let allowed = try preflight(client, origin: "https://good")
    #expect(allowed.status == 204)
    #expect(allowed.fields["access-control-allow-origin"] == "https://good")
    #expect(allowed.fields["access-control-allow-headers"] == "authorization,x-stainless-os")
    #expect(allowed.fields["access-control-allow-methods"]?.contains("POST") == true)
    #expect(allowed.fields["vary"] == "Origin")
    let refused = try preflight(client, origin: "https://evil")
    #expect(refused.status == 403)
    #expect(refused.fields["access-control-allow-origin"] == nil)
    for (origin, answer) in [("https://good", "https://good"), ("https://evil", nil)] {
        client.send("GET / HTTP/1.1\r\nHost: a\r\nOrigin: \(origin)\r\n\r\n")
        #expect(try client.response().fields["access-control-allow-origin"] == answer)
    }
}

@Test func `any origin may be allowed, and none is the default`() throws {
    let open = try TestServer(configure: { $0.crossOrigin = .init(allowedOrigins: .any) })
    #expect(
        try preflight(open.client(), origin: "https://x").fields["access-control-allow-origin"]
            == "*")
    let closed = try TestServer()
    let response = try preflight(closed.client(), origin: "https://x")
    #expect(response.fields["access-control-allow-origin"] == nil)
    #expect(response.text.hasPrefix("OPTIONS /v1/models"))
}

@Test(arguments: [
    (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"), (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
])
func `dates are written as HTTP wants them`(time: Int, text: String) {
    var date = HTTPDate()
    #expect(date.bytes(at: time) == Array(text.utf8))
}

@Test func `the outbound buffer gives every byte once and in order`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("outbound buffer: seed \(seed)")
    var generator = SeededNumbers(seed: seed)
    var buffer = OutboundBuffer()
    var written: [UInt8] = []
    var read: [UInt8] = []
    for _ in 0..<2000 {
        let bytes = (0..<Int.random(in: 0...30, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
        }
        buffer.append { $0 += bytes }
        written += bytes
        let taken = Int.random(in: 0...min(buffer.count, 40), using: &generator)
        buffer.withPending { read += $0[..<taken] }
        buffer.consume(taken)
        #expect(buffer.count == written.count - read.count)
    }
    buffer.withPending { read += $0 }
    #expect(read == written)
}
