// RequestParserTests.swift: the verdicts that matter most, and every limit, without any outside
// material.

import HTTPTypes
import Material
import Testing

@testable import HTTP

/// Feeds `text` byte by byte; the requests that came out, then the error that ended it.
private func parse(
    _ text: String, limits: ServerLimits = ServerLimits()
) -> (requests: [ParsedRequest], error: ProtocolError?, isIdle: Bool) {
    var parser = RequestParser(limits: limits)
    var requests: [ParsedRequest] = []
    do throws(ProtocolError) {
        for byte in Array(text.utf8) {
            withUnsafeBytes(of: byte) { parser.feed($0) }
            events: while true {
                switch try parser.next() {
                case .needMore: break events
                case .head: continue
                case .request(let request): requests.append(request)
                }
            }
        }
    } catch {
        return (requests, error, false)
    }
    return (requests, nil, parser.isIdle)
}

private func limits(_ change: (inout ServerLimits) -> Void) -> ServerLimits {
    var limits = ServerLimits()
    change(&limits)
    return limits
}

private let host = "Host: a\r\n"

@Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", ProtocolError.hostMissing),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", .hostRepeated),
    ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", .hostMalformed),
    ("GET / HTTP/1.1\nHost: a\n\n", .bareLineFeed(.requestLine)),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", .bareCarriageReturn(.fieldLine)),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", .controlByte(0, .fieldLine)),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", .fieldFolded),
    ("GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", .fieldNameMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", .fieldWithoutColon),
    ("GET  / HTTP/1.1\r\n", .requestLineMalformed), ("G@T / HTTP/1.1\r\n", .methodMalformed),
    ("GET /\u{e9} HTTP/1.1\r\n", .targetByte(0xC3)), ("GET /#a HTTP/1.1\r\n", .targetFragment),
    ("GET a HTTP/1.1\r\n", .targetForm), ("GET http:///a HTTP/1.1\r\n", .targetForm),
    ("GET http://@/a HTTP/1.1\r\n", .targetForm), ("GET * HTTP/1.1\r\n", .asteriskForm),
    ("CONNECT a HTTP/1.1\r\n", .authorityForm), ("GET / HTTP/1.10\r\n", .versionMalformed),
    ("GET / HTTP/3.0\r\n", .versionUnsupported(major: 3)),
])
func `a malformed head is refused`(text: String, error: ProtocolError) {
    #expect(parse(text).error == error)
}

@Test(arguments: [
    ("Content-Length: 5\r\nContent-Length: 5\r\n", ProtocolError.contentLengthRepeated),
    ("Content-Length: 5, 5\r\n", .contentLengthRepeated),
    ("Content-Length: +5\r\n", .contentLengthMalformed),
    ("Content-Length: \r\n", .contentLengthMalformed),
    ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", .contentLengthWithTransferEncoding),
    ("Transfer-Encoding: chunked, chunked\r\n", .chunkedRepeated),
    ("Transfer-Encoding: chunked, gzip\r\n", .chunkedNotLast),
    ("Transfer-Encoding: gzip, chunked\r\n", .transferEncodingUnsupported),
    ("Transfer-Encoding: ,\r\n", .transferEncodingEmpty),
    ("Content-Length: 99999999999999999999\r\n", .bodyTooLarge(limit: 4 << 20)),
])
func `a request whose end two readers could see differently is refused`(
    field: String, error: ProtocolError
) {
    #expect(parse("POST / HTTP/1.1\r\n\(host)\(field)\r\n").error == error)
}

@Test(arguments: [
    ("5\r\nhelloX", ProtocolError.chunkDataUnterminated), ("5\r\nhello\rX", .chunkDataUnterminated),
    ("\r\n", .chunkSizeMalformed), ("5 \r\n", .chunkExtensionMalformed),
    ("5;\r\n", .chunkExtensionMalformed), ("5;a=\"b\r\n", .chunkExtensionMalformed),
    ("5\n", .bareLineFeed(.chunkLine)), ("0\r\nX : y\r\n\r\n", .fieldNameMalformed),
    ("FFFFFFFFFFFFFFFFF\r\n", .bodyTooLarge(limit: 4 << 20)),
])
func `a malformed chunked body is refused`(body: String, error: ProtocolError) {
    #expect(
        parse("POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n\(body)").error == error)
}

@Test func `chunks become a body and trailers stay apart`() {
    let result = parse(
        "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
            + "2 ; a = \"b\\\"\" ;c\r\nhi\r\n00\r\nHost: evil\r\n\r\n")
    #expect(result.requests.map(\.body) == [Array("hi".utf8)])
    #expect(result.requests[0].trailers[.host] == "evil")
    #expect(result.requests[0].head.fields[.host] == "a")
    #expect(result.isIdle)
}

@Test(arguments: [0, 1]) func `the request line may be as long as its limit`(excess: Int) {
    let line = "GET /" + String(repeating: "a", count: 80 + excess) + " HTTP/1.1"
    let result = parse(
        "\(line)\r\n\(host)\r\n",
        limits: limits { $0.requestLineBytesMax = line.utf8.count - excess })
    #expect(result.error == (excess == 0 ? nil : .requestLineTooLong(limit: line.utf8.count - 1)))
}

@Test(arguments: [0, 1]) func `the header section may be as long as its limit`(excess: Int) {
    let fields = "\(host)X: \(String(repeating: "a", count: 80 + excess))"
    let limit = fields.utf8.count - excess
    let result = parse(
        "GET / HTTP/1.1\r\n\(fields)\r\n\r\n", limits: limits { $0.headerBytesMax = limit })
    #expect(result.error == (excess == 0 ? nil : .headerTooLarge(limit: limit)))
}

@Test(arguments: [0, 1]) func `there may be as many fields as their limit`(excess: Int) {
    let fields = host + String(repeating: "X: y\r\n", count: 4 + excess)
    let result = parse("GET / HTTP/1.1\r\n\(fields)\r\n", limits: limits { $0.headerCountMax = 5 })
    #expect(result.error == (excess == 0 ? nil : .headerCount(limit: 5)))
}

@Test(arguments: [0, 1]) func `trailers share the header's limits`(excess: Int) {
    let trailers = String(repeating: "X: y\r\n", count: 5 + excess)
    let result = parse(
        "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\(trailers)\r\n",
        limits: limits { $0.headerCountMax = 5 })
    #expect(result.error == (excess == 0 ? nil : .headerCount(limit: 5)))
}

@Test(arguments: [0, 1]) func `a body may be as long as its limit`(excess: Int) {
    let bound = limits { $0.bodyBytesMax = 9 }
    let body = String(repeating: "b", count: 9 + excess)
    let plain = parse(
        "POST / HTTP/1.1\r\n\(host)Content-Length: \(9 + excess)\r\n\r\n\(body)", limits: bound)
    let chunked = parse(
        "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
            + "5\r\nbbbbb\r\n\(4 + excess)\r\n"
            + "\(body.dropFirst(5))\r\n0\r\n\r\n",
        limits: bound)
    #expect(plain.error == (excess == 0 ? nil : .bodyTooLarge(limit: 9)))
    #expect(chunked.error == plain.error)
}

@Test func `chunk extensions are bounded by line and in sum`() {
    let head = "POST / HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n"
    let bound = limits {
        $0.chunkLineBytesMax = 10
        $0.chunkExtensionBytesMax = 12
    }
    #expect(parse("\(head)1;aaaaaaaaa", limits: bound).error == .chunkLineTooLong(limit: 10))
    #expect(
        parse("\(head)1;aaaaa\r\nx\r\n1;aaaaa\r\nx\r\n1;a\r\n", limits: bound).error
            == .chunkExtensionsTooLong(limit: 12))
}

@Test func `empty lines before a request are bounded and count anew for the next`() {
    let request = "\r\n\r\nGET / HTTP/1.1\r\n\(host)\r\n"
    let bound = limits { $0.leadingLinesMax = 2 }
    #expect(parse(request + request, limits: bound).requests.count == 2)
    #expect(parse("\r\n" + request, limits: bound).error == .leadingLines(limit: 2))
}

@Test func `random bytes never crash the parser and never depend on the split`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("parser fuzz: seed \(seed)")
    var generator = SeededNumbers(seed: seed)
    let pieces = [
        "GET / HTTP/1.1\r\n", "POST /x HTTP/1.1\r\n", host, "Content-Length: 3\r\n",
        "Transfer-Encoding: chunked\r\n",
        "\r\n", "3\r\nabc\r\n", "0\r\n\r\n", "abc", "\r", "\n", ";a=b", " ", ":", "\u{0}",
        "X: y\r\n", "\u{ff}",
    ]
    for _ in 0..<3000 {
        let count = Int.random(in: 1...12, using: &generator)
        let text = (0..<count).map { _ in pieces.randomElement(using: &generator)! }.joined()
        var whole = RequestParser(limits: ServerLimits())
        Array(text.utf8).withUnsafeBytes { whole.feed($0) }
        var requests: [ParsedRequest] = []
        var failure: ProtocolError?
        do throws(ProtocolError) {
            events: while true {
                switch try whole.next() {
                case .needMore: break events
                case .head: continue
                case .request(let request): requests.append(request)
                }
            }
        } catch {
            failure = error
        }
        let bytewise = parse(text)
        #expect(bytewise.requests == requests && bytewise.error == failure, "seed \(seed): \(text)")
    }
}
