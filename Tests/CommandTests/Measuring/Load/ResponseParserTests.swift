// ResponseParserTests.swift: answers as a client reads them, whole and byte by byte.
import Testing
@testable import tokenmill

/// The body of an answer that is read in pieces of `size` bytes.
private func body(
    of text: String, size: Int, closes: Bool = false
) throws(LoadFailure) -> (parser: ResponseParser, body: String) {
    var parser = ResponseParser()
    var body: [UInt8] = []
    let bytes = Array(text.utf8)
    for begin in stride(from: 0, to: bytes.count, by: size) {
        try parser.read(bytes[begin..<min(begin + size, bytes.count)], into: &body)
    }
    if closes { _ = parser.close() }
    return (parser, String(decoding: body, as: UTF8.self))
}

struct ResponseParserTests {
    private static let sizes = [1, 2, 3, 7, 10_000]

    @Test(arguments: sizes) func `a length frames the body`(size: Int) throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
        let (parser, body) = try body(of: text, size: size)
        #expect(parser.isComplete && parser.keepsAlive && parser.status == 200 && body == "hello")
    }

    @Test(arguments: sizes) func `chunks are joined, extensions and trailers dropped`(size: Int) throws {
        let text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + "3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nX: y\r\n\r\n"
        let (parser, body) = try body(of: text, size: size)
        #expect(parser.isComplete && parser.keepsAlive && body == "abc0123456789")
    }

    @Test(arguments: sizes) func `interim answers are passed over`(size: Int) throws {
        let text = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        let (parser, _) = try body(of: text, size: size)
        #expect(parser.isComplete && parser.status == 404)
    }

    @Test(arguments: sizes) func `without a length the end is the close`(size: Int) throws {
        let text = "HTTP/1.0 200 OK\n\nall of it"
        let (parser, body) = try body(of: text, size: size, closes: true)
        #expect(parser.isComplete && !parser.keepsAlive && body == "all of it")
    }

    @Test func `an answer that is cut off is not complete`() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"
        #expect(try !body(of: text, size: 100, closes: true).parser.isComplete)
    }

    @Test func `a server that closes says so`() throws {
        let text = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        #expect(try !body(of: text, size: 100).parser.keepsAlive)
    }

    @Test(arguments: [
        ("SSH-2.0-OpenSSH\r\n", .statusLine), ("HTTP/1.1 xx\r\n", .statusLine),
        ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", .contentLength),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", .chunkSize),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", .chunkEnd),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab", .afterTheEnd),
    ] as [(String, MalformedAnswer)])
    func `what is malformed has a name`(text: String, what: MalformedAnswer) {
        for size in Self.sizes {
            #expect(throws: LoadFailure.malformed(what)) { try body(of: text, size: size) }
        }
    }

    @Test func `a head that never ends is refused`() {
        let text = String(repeating: "x", count: LoadLimits.lineBytesMax + 1)
        #expect(throws: LoadFailure.malformed(.lineTooLong(limit: LoadLimits.lineBytesMax))) {
            try body(of: text, size: 4096)
        }
    }
}

struct EventParserTests {
    @Test(arguments: [1, 2, 5, 1000]) func `events come whole from any split`(size: Int) throws {
        let text = ": hi\ndata: {\"a\":1}\n\nevent: x\r\ndata:one\r\ndata: two\r\n\r\n\ndata: [DONE]\n\n"
        let bytes = Array(text.utf8)
        var parser = EventParser()
        var events: [String] = []
        for begin in stride(from: 0, to: bytes.count, by: size) {
            events += try parser.read(bytes[begin..<min(begin + size, bytes.count)])
                .map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(events == ["{\"a\":1}", "one\ntwo", "[DONE]"])
    }

    @Test func `an event that never ends is refused`() {
        var parser = EventParser()
        #expect(throws: LoadFailure.malformed(.lineTooLong(limit: LoadLimits.lineBytesMax))) {
            _ = try parser.read(Array(repeating: UInt8(ascii: "x"), count: LoadLimits.lineBytesMax + 1))
        }
    }
}
