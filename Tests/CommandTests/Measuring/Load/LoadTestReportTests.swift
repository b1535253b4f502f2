// LoadTestReportTests.swift: rates, goodput and JSON of records that are made up.
import JSON
import Testing
@testable import tokenmill

/// Begins at `begin` seconds; a first token after `first`, then one every `gap` seconds.
private func record(begin: Double, first: Double, gap: Double, tokens: Int) -> RequestRecord {
    func time(_ seconds: Double) -> UInt64 { UInt64(((begin + seconds) * 1e9).rounded()) }
    var record = RequestRecord(
        startedAt: time(0), planned: PlannedRequest(promptTokens: 100, outputTokens: tokens))
    for number in 0..<tokens { record.noteText(at: time(first + gap * Double(number))) }
    record.endedAt = record.lastTextAt
    return record
}

private func report(_ records: [RequestRecord], _ targets: LatencyTargets) throws -> LoadTestReport {
    LoadTestReport(
        target: try LoadTarget(url: "http://h:1", unixSocket: nil), model: "m", api: .chat,
        arrivals: .closed(clients: 2), targets: targets, records: records)
}

struct LoadTestReportTests {
    private let records = [
        record(begin: 1, first: 0.5, gap: 0.1, tokens: 11),
        record(begin: 1, first: 1.5, gap: 0.05, tokens: 11),
    ]

    @Test func `rates are over the time from the first beginning to the last end`() throws {
        let report = try report(records, LatencyTargets())
        #expect(abs(report.seconds - 2) < 1e-6)
        #expect(abs(report.perSecond(report.outputTokens) - 11) < 1e-6)
        #expect(abs(report.perSecond(report.promptTokens) - 100) < 1e-4)
        #expect(abs((report.firstToken?.mean ?? 0) - 1) < 1e-6)
        #expect(abs((report.betweenTokens?.mean ?? 0) - 0.075) < 1e-6)
        #expect(report.betweenTokens?.count == 20)
    }

    @Test(arguments: [(1000.0, 1000.0, 2), (1.0, 1000, 1), (1000, 0.06, 1), (1, 0.06, 0)])
    func `good requests keep both targets`(first: Double, token: Double, good: Int) throws {
        let targets = LatencyTargets(firstTokenSeconds: first, tokenSeconds: token)
        #expect(try report(records, targets).good == good)
    }

    @Test func `tokens of the usage count before pieces`() {
        var record = record(begin: 0, first: 1, gap: 0.1, tokens: 3)
        #expect(record.tokens == 3)
        record.outputTokens = 5
        #expect(record.tokens == 5 && abs((record.tokenSeconds ?? 0) - 0.05) < 1e-9)
    }

    @Test func `a request that failed is never good`() throws {
        var failed = record(begin: 1, first: 0.1, gap: 0.1, tokens: 2)
        failed.failure = .brokenOff
        let report = try report([failed], LatencyTargets())
        #expect(report.good == 0 && report.answered == 0 && report.outputTokens == 0)
        #expect(report.text.contains("failed 1: the server broke off"))
    }

    @Test func `the JSON has every figure`() throws {
        let json = try report(records, LatencyTargets(firstTokenSeconds: 1)).json
        #expect(json["arrivals"]?.stringValue == "2 clients")
        #expect(json["answered"]?.intValue == 2 && json["output_tokens"]?.intValue == 22)
        #expect(json["good"]?.intValue == 1)
        for key in ["first_token", "between_tokens", "per_token", "request"] {
            for figure in ["mean", "p50", "p95", "p99", "max"] {
                #expect(json["\(key)_seconds"]?[figure]?.doubleValue ?? 0 > 0, "\(key) \(figure)")
            }
        }
        #expect(try JSONReader.parse(json.serialized()) == json)
    }
}
