// HTTPConformanceTests.swift: several hundred requests with verdicts, each fed whole, byte by byte
// and at random splits.

import Foundation
import HTTPTypes
import Material
import Testing

@testable import HTTP

private struct ConformanceFile: Decodable {
    struct Case: Decodable {
        struct Part: Decodable {
            let b64: String?
            let byte: UInt8?
            let `repeat`: Int?
        }
        let id: String
        let raw_b64: String?
        let raw_parts: [Part]?
        let expect: Expectation

        var bytes: [UInt8] {
            if let raw_b64 { return [UInt8](Data(base64Encoded: raw_b64)!) }
            return raw_parts!.flatMap { part in
                part.b64.map { [UInt8](Data(base64Encoded: $0)!) }
                    ?? [UInt8](repeating: part.byte!, count: part.repeat!)
            }
        }
    }
    struct Expectation: Decodable {
        let outcome: String
        let status: [Int]?
        let requests: [Expected]
        let early_error_ok: Bool?
    }
    struct Expected: Decodable {
        let method: String
        let target: String
        let version: String
        let headers: [[String]]
        let body_b64: String
        let keep_alive: Bool
        let chunked: Bool?
        let expect_100: Bool?
        let trailers: [[String]]?
    }
    let cases: [Case]
}

/// What a parser said of a byte stream that then ended.
private struct Verdict: Equatable {
    var requests: [ParsedRequest] = []
    var error: ProtocolError?
    var isIncomplete = false
}

private func verdict(feeding pieces: [ArraySlice<UInt8>], limits: ServerLimits) -> Verdict {
    var parser = RequestParser(limits: limits)
    var verdict = Verdict()
    do throws(ProtocolError) {
        for piece in pieces {
            piece.withUnsafeBytes { parser.feed($0) }
            events: while true {
                switch try parser.next() {
                case .needMore: break events
                case .head: continue
                case .request(let request): verdict.requests.append(request)
                }
            }
        }
        verdict.isIncomplete = !parser.isIdle
    } catch {
        verdict.error = error
    }
    return verdict
}

private func randomPieces(_ bytes: [UInt8], _ generator: inout SeededNumbers) -> [ArraySlice<UInt8>] {
    var pieces: [ArraySlice<UInt8>] = []
    var start = 0
    while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...40, using: &generator))
        pieces.append(bytes[start..<end])
        start = end
    }
    return pieces
}

private func latin1(_ fields: HTTPFields) -> [[String]] {
    fields.map { field in
        [
            field.name.rawName,
            field.withUnsafeBytesOfValue { String($0.map { Character(Unicode.Scalar($0)) }) },
        ]
    }
}

/// The first difference between a verdict and what the case expects, in words.
private func fault(_ verdict: Verdict, _ expect: ConformanceFile.Expectation) -> String? {
    switch expect.outcome {
    case "ok" where verdict.error != nil || verdict.isIncomplete:
        return "expected ok, got \(verdict.error.map(\.description) ?? "incomplete")"
    case "error":
        guard let error = verdict.error else { return "expected an error" }
        guard expect.status!.contains(error.status.code) else {
            return "status \(error.status.code): \(error)"
        }
    case "incomplete":
        if let error = verdict.error, expect.early_error_ok != true {
            return "early error \(error)"
        }
        if verdict.error == nil && !verdict.isIncomplete { return "expected incomplete" }
    default: break
    }
    guard verdict.requests.count == expect.requests.count else {
        return "\(verdict.requests.count) requests"
    }
    for (request, wanted) in zip(verdict.requests, expect.requests) {
        let head = request.head
        if head.method.rawValue != wanted.method || head.rawTarget != wanted.target {
            return "request line"
        }
        if "1.\(head.minorVersion)" != wanted.version { return "version" }
        if latin1(head.fields) != wanted.headers { return "headers \(latin1(head.fields))" }
        if request.body != [UInt8](Data(base64Encoded: wanted.body_b64)!) { return "body" }
        if head.keepsAlive != wanted.keep_alive { return "keep-alive" }
        if (head.framing == .chunked) != (wanted.chunked ?? false) { return "chunked" }
        if head.expectsContinue != (wanted.expect_100 ?? false) { return "expect" }
        if latin1(request.trailers) != wanted.trailers ?? [] { return "trailers" }
    }
    return nil
}

private let conformanceFile: URL = {
    let root =
        ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"].map {
            URL(fileURLWithPath: $0)
        }
        ?? URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../../shared/conformance").standardized
    return root.appendingPathComponent("http/http1_requests.json")
}()

@Test(
    .enabled(
        if: FileManager.default.fileExists(atPath: conformanceFile.path),
        "there is no http/http1_requests.json in the conformance folder"))
func `every conformance request gets its verdict however it is split`() throws {
    let data = try Data(contentsOf: conformanceFile)
    let cases = try JSONDecoder().decode(ConformanceFile.self, from: data).cases
    var limits = ServerLimits()
    limits.bodyBytesMax = 8 << 30
    let seed = UInt64.random(in: 0...UInt64.max)
    print("conformance http: seed \(seed)")
    var generator = SeededNumbers(seed: seed)
    var failed = 0
    for test in cases {
        let bytes = test.bytes
        let whole = verdict(feeding: [bytes[...]], limits: limits)
        if let fault = fault(whole, test.expect) {
            failed += 1
            Issue.record("\(test.id): \(fault)")
        }
        let bytewise = verdict(feeding: bytes.indices.map { bytes[$0...$0] }, limits: limits)
        #expect(bytewise == whole, "\(test.id), byte by byte")
        for _ in 0..<8 {
            let split = verdict(feeding: randomPieces(bytes, &generator), limits: limits)
            #expect(split == whole, "\(test.id), at random splits, seed \(seed)")
        }
    }
    print("conformance http: \(cases.count - failed) passed, \(failed) failed")
}
