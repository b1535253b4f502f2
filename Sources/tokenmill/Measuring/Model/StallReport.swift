// StallReport.swift: how much a prompt held up the streams, as a table for people and as JSON for scripts.
import JSON

struct StallReport: Sendable {
    let model: LoadReport
    let probe: StallCase
    /// One of each round, at least one.
    let samples: [StallSample]

    var ratio: Double { Distribution(samples.map(\.ratio))?.median ?? 0 }

    var text: String {
        let head = [
            "round", "before p50", "p99", "beside p50", "p99", "after p50", "p99", "ratio of p99", "first token",
        ]
        let rows = samples.enumerated().map { number, sample in
            ["\(number + 1)"]
                + [sample.before, sample.beside, sample.after].flatMap {
                    [Self.text($0.median), Self.text($0.percentile99)]
                }
                + [sample.ratio.text(decimals: 2), Self.text(sample.firstToken)]
        }
        let lines = [
            "\(model.path), \(model.threads) threads, \(model.kernels) kernels",
            "ms between tokens of \(probe.streams) streams, before, beside and after a prompt of "
                + "\(probe.promptTokens) tokens", "",
        ]
        let median = "\nmedian ratio of p99: \(ratio.text(decimals: 2))\n"
        return (lines + TextTable.lines([head] + rows)).joined(separator: "\n") + "\n" + median
    }

    var json: JSONValue {
        var object = JSONObject()
        object["model"] = .string(model.path)
        object["threads"] = .integer(model.threads)
        object["kernels"] = .string(model.kernels)
        object["streams"] = .integer(probe.streams)
        object["stream_prompt_tokens"] = .integer(probe.streamPromptTokens)
        object["prompt_tokens"] = .integer(probe.promptTokens)
        object["p99_ratio"] = .double(ratio)
        object["rounds"] = .array(samples.map(Self.json))
        return .object(object)
    }

    private static func json(_ sample: StallSample) -> JSONValue {
        [
            "before_seconds": sample.before.json, "beside_seconds": sample.beside.json,
            "after_seconds": sample.after.json,
            "p99_ratio": .double(sample.ratio), "first_token_seconds": .double(sample.firstToken),
        ]
    }

    private static func text(_ seconds: Double) -> String { (seconds * 1000).text(decimals: 1) }
}
