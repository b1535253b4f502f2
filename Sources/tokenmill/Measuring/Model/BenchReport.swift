// BenchReport.swift: what a bench found, as a table for people and as JSON for scripts.
import JSON

/// One figure with the rounds behind it, in tokens per second.
struct BenchResult: Sendable {
    enum Kind: String, Sendable { case prompt, generate }
    let kind: Kind
    let probe: ThroughputCase
    /// At least one.
    let rounds: [Double]
    /// The part of the case's time that passed outside the model; `nil` where another row has it.
    var outsideModel: Double?

    var median: Double { Distribution(rounds)?.median ?? 0 }

    /// Half the distance between the best and the worst round, over the median.
    var spread: Double {
        ((rounds.max() ?? 0) - (rounds.min() ?? 0)) / 2 / max(median, .leastNormalMagnitude)
    }

    /// The rows of one case: its prompts and, if it went on, what was generated.
    static func results(_ probe: ThroughputCase, _ samples: [ThroughputSample]) -> [BenchResult] {
        let outside = Distribution(samples.map(\.outsideModel))?.median
        let generated = samples.compactMap(\.generatedTokensPerSecond)
        let prompts = BenchResult(
            kind: .prompt, probe: probe, rounds: samples.map(\.promptTokensPerSecond),
            outsideModel: generated.isEmpty ? outside : nil)
        guard !generated.isEmpty else { return [prompts] }
        return [
            prompts,
            BenchResult(kind: .generate, probe: probe, rounds: generated, outsideModel: outside),
        ]
    }
}

struct BenchReport: Sendable {
    /// What the model needs and what the machine can give.
    struct Limit: Sendable {
        let work: ModelWork
        let machine: MachineLimits

        /// The part of the limit that was reached.
        func share(_ result: BenchResult, counting: ModelWork.Counting = .products) -> Double {
            let most =
                switch result.kind {
                case .prompt: work.promptLimit(result.probe, on: machine, counting: counting)
                case .generate: work.generationLimit(result.probe, on: machine, counting: counting)
                }
            return result.median / most
        }
    }

    let model: LoadReport
    let compute: String
    let results: [BenchResult]
    /// `nil` when the machine was not measured.
    var limit: Limit?

    var text: String {
        var lines = [
            "\(model.path)",
            "\(model.family), \(model.formats); \(model.threads) threads, "
                + "\(model.kernels) kernels, compute \(compute)", "",
        ]
        let head = ["what", "streams", "prompt", "generate", "tokens/s", "spread", "outside"]
        lines += TextTable.lines([head + (limit == nil ? [] : ["of limit"])] + results.map(row))
        let machine = limit.map { "\n" + MachineLimits.text([$0.machine]) } ?? ""
        return lines.joined(separator: "\n") + "\n" + machine
    }

    var json: JSONValue {
        var object = JSONObject()
        object["model"] = .string(model.path)
        object["family"] = .string(model.family)
        object["formats"] = .string(model.formats)
        object["threads"] = .integer(model.threads)
        object["kernels"] = .string(model.kernels)
        object["compute"] = .string(compute)
        object["load_seconds"] = .double(model.seconds)
        object["weight_bytes"] = .integer(model.weightBytes)
        object["resident_bytes"] = MachineMemory.residentBytes.map { .integer($0) } ?? .null
        object["machine"] = limit?.machine.json ?? .null
        object["results"] = .array(results.map(json))
        return .object(object)
    }

    private func json(_ result: BenchResult) -> JSONValue {
        var row = JSONObject()
        row["kind"] = .string(result.kind.rawValue)
        row["streams"] = .integer(result.probe.streams)
        row["prompt_tokens"] = .integer(result.probe.promptTokens)
        row["generate_tokens"] = .integer(result.probe.generateTokens)
        row["tokens_per_second"] = .double(result.median)
        row["spread"] = .double(result.spread)
        row["rounds"] = .array(result.rounds.map { .double($0) })
        row["outside_model"] = result.outsideModel.map { .double($0) } ?? .null
        row["share_of_limit"] = limit.map { .double($0.share(result)) } ?? .null
        row["share_of_format_limit"] = limit.map { .double($0.share(result, counting: .everything)) } ?? .null
        return .object(row)
    }

    private func row(_ result: BenchResult) -> [String] {
        [
            result.kind.rawValue, "\(result.probe.streams)", "\(result.probe.promptTokens)",
            result.kind == .generate ? "\(result.probe.generateTokens)" : "-",
            result.median.text(decimals: 1), "±" + result.spread.percent(),
            result.outsideModel.map { $0.percent(decimals: 1) } ?? "-",
        ] + (limit.map { [$0.share(result).percent()] } ?? [])
    }
}
