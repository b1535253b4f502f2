// BenchCommand.swift: `tokenmill bench`: how fast this machine runs a model, in process.
import ArgumentParser
import Compute
import Dispatch
import Engine
import JSON
import Service

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure prompt and generation throughput in process.",
        discussion: """
            First each --prompt length alone, then each --streams count: that many prompts of
            --stream-prompt tokens at once, each continued by --generate tokens. Figures are
            medians of the rounds; generation counts only while all streams run.

              tokenmill bench --model model.gguf --prompt 512,4096 --streams 1,4,16
              tokenmill bench --model model.gguf --json > today.json
            """)

    @OptionGroup var flags: ModelFlags

    @Option(help: "Prompt lengths to measure alone, in tokens; 0 for none.")
    var prompt = "512"

    @Option(help: "Numbers of streams that run at once; 0 for none.")
    var streams = "1,4,16"

    @Option(help: "Prompt length of each stream, in tokens.")
    var streamPrompt = 128

    @Option(help: "Tokens that each stream generates.")
    var generate = 64

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 3

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is 1 to 1000.") }
        guard streamPrompt > 0 else { throw ValidationError("--stream-prompt is at least 1.") }
        guard generate > 1 else { throw ValidationError("--generate is at least 2.") }
        _ = try cases()
    }

    mutating func run() throws {
        let cases = try cases()
        var (settings, _) = try flags.settings()
        let most = cases.map(\.streams).max() ?? 1
        settings.engine.limits.sequencesMax = max(settings.engine.limits.sequencesMax, most)
        settings.engine.limits.waitingMax = max(settings.engine.limits.waitingMax, most)
        settings.engine.limits.stepTokensMax = max(
            settings.engine.limits.stepTokensMax, settings.engine.limits.sequencesMax + 1)
        let model = try ModelLoader(settings: settings).load()
        var probe = ThroughputProbe(engine: model.served.engine)
        // Touches weights and cache, so that the first round is like the others.
        _ = try probe.run(ThroughputCase(streams: 1, promptTokens: 32, generateTokens: 2))
        var samples = [[ThroughputSample]](repeating: [], count: cases.count)
        for _ in 0..<rounds {
            for index in cases.indices { samples[index].append(try probe.run(cases[index])) }
        }
        let results = zip(cases, samples).flatMap(Self.results)
        let report = BenchReport(
            model: model.report, compute: settings.model.compute.rawValue, results: results)
        if json {
            Output.standard(
                String(decoding: report.json.serialized(pretty: true), as: UTF8.self) + "\n")
        } else {
            Output.standard(report.text)
        }
        model.served.engine.shutDown(drainUntil: .now())
    }

    private static func results(
        _ probe: ThroughputCase, _ samples: [ThroughputSample]
    ) -> [BenchResult] {
        let prompts = BenchResult(
            kind: .prompt, probe: probe, rounds: samples.map(\.promptTokensPerSecond))
        let generated = samples.compactMap(\.generatedTokensPerSecond)
        guard !generated.isEmpty else { return [prompts] }
        return [prompts, BenchResult(kind: .generate, probe: probe, rounds: generated)]
    }

    private func cases() throws -> [ThroughputCase] {
        try Self.numbers(prompt, "--prompt").map {
            ThroughputCase(streams: 1, promptTokens: $0, generateTokens: 1)
        }
            + Self.numbers(streams, "--streams").map {
                ThroughputCase(
                    streams: $0, promptTokens: streamPrompt, generateTokens: generate)
            }
    }

    private static func numbers(_ list: String, _ flag: String) throws -> [Int] {
        try list.split(separator: ",").map { field in
            guard let number = Int(field), (0...1_000_000).contains(number) else {
                throw ValidationError("\(flag) takes numbers with commas, and '\(field)' is none.")
            }
            return number
        }.filter { $0 > 0 }
    }
}
