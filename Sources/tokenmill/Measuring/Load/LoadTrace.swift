// LoadTrace.swift: arrivals and lengths from a recorded trace: CSV with a head line, or JSON lines.
// Column names are those of the public traces (Azure, AIBrix, Mooncake); others are ignored.
import Foundation
import JSON

enum LoadTrace {
    private static let timeNames = ["timestamp_ms", "timestamp"]
    private static let promptNames = ["prompt_tokens", "contexttokens", "input_length"]
    private static let outputNames = ["output_tokens", "generatedtokens", "output_length"]

    /// - speed: 2 lets requests arrive twice as fast. requestsMax: reads no further.
    /// - Throws: what is wrong, with the line's number.
    static func requests(
        in text: String, speed: Double, requestsMax: Int
    ) throws(CommandFailure) -> [PlannedRequest] {
        let lines = text.split(whereSeparator: \.isNewline)
        guard let first = lines.first else { throw failure(1, "the trace is empty") }
        let isJSON = first.hasPrefix("{")
        let names = isJSON ? [] : cells(first).map { $0.lowercased() }
        var requests: [PlannedRequest] = []
        for (index, line) in lines.enumerated().dropFirst(isJSON ? 0 : 1) {
            guard requests.count < requestsMax else { break }
            let fields = try isJSON ? members(line, index + 1) : row(names, line, index + 1)
            requests.append(try request(fields, index + 1))
        }
        guard let begin = requests.first?.due else { throw failure(1, "the trace has no request") }
        return requests.map { request in
            var request = request
            request.due = max(0, ((request.due ?? 0) - begin) / speed)
            return request
        }
    }

    private static func request(
        _ fields: [String: String], _ line: Int
    ) throws(CommandFailure) -> PlannedRequest {
        func field(_ names: [String]) throws(CommandFailure) -> String {
            for name in names { if let value = fields[name] { return value } }
            throw failure(line, "there is no \(names.joined(separator: " or "))")
        }
        let (time, prompt, output) = (
            try field(timeNames), try field(promptNames), try field(outputNames)
        )
        guard let seconds = seconds(time) else { throw failure(line, "'\(time)' is no time") }
        guard let promptTokens = Int(prompt), (1...LoadLimits.promptTokensMax).contains(promptTokens),
            let outputTokens = Int(output), (1...LoadLimits.promptTokensMax).contains(outputTokens)
        else {
            throw failure(line, "lengths are 1 to \(LoadLimits.promptTokensMax)")
        }
        return PlannedRequest(due: seconds, promptTokens: promptTokens, outputTokens: outputTokens)
    }

    private static func cells(_ line: Substring) -> [String] {
        line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }

    private static func row(
        _ names: [String], _ line: Substring, _ number: Int
    ) throws(CommandFailure) -> [String: String] {
        let values = cells(line)
        guard values.count == names.count else {
            throw failure(number, "\(values.count) cells, and the head has \(names.count)")
        }
        return Dictionary(zip(names, values)) { first, _ in first }
    }

    private static func members(
        _ line: Substring, _ number: Int
    ) throws(CommandFailure) -> [String: String] {
        guard let object = try? JSONReader.parse(String(line)).objectValue else {
            throw failure(number, "no JSON object")
        }
        var fields: [String: String] = [:]
        for (key, value) in object {
            fields[key] = value.intValue.map(String.init) ?? value.stringValue
        }
        return fields
    }

    /// Milliseconds as a number, or `2023-11-16 18:15:46.5`.
    private static func seconds(_ text: String) -> Double? {
        if let milliseconds = Double(text) { return milliseconds / 1000 }
        let parts = text.split(separator: ".", maxSplits: 1)
        let numbers = (parts.first ?? "").split { "- :".contains($0) }.map { Int32($0) ?? -1 }
        guard numbers.count == 6, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        var time = tm()
        (time.tm_year, time.tm_mon, time.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (time.tm_hour, time.tm_min, time.tm_sec) = (numbers[3], numbers[4], numbers[5])
        let fraction = parts.count == 2 ? Double("0." + parts[1]) : 0
        return fraction.map { Double(timegm(&time)) + $0 }
    }

    private static func failure(_ line: Int, _ problem: String) -> CommandFailure {
        CommandFailure("the trace's line \(line): \(problem)", advice: "check --trace")
    }
}
