// BenchStallsCommand.swift: `tokenmill bench stalls`: what a long prompt does to streams that run.
import ArgumentParser
import Dispatch
import Engine
import Service

struct BenchStallsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stalls", abstract: "Measure how much a long prompt holds up running streams, in process.",
        discussion: """
            In each round the streams run alone for --stream-tokens tokens each; then the prompt
            arrives; when it has its first token, they run alone for as many tokens again.
            Compared are the times between tokens of the streams beside it, and before and
            after it: the streams grow meanwhile, and slow down by themselves.

              tokenmill bench stalls --model model.gguf --streams 16 --prompt 4096
            """)

    @OptionGroup var flags: ModelFlags

    @Option(help: "Streams that run.")
    var streams = 16

    @Option(help: "Prompt length of each stream, in tokens.")
    var streamPrompt = 128

    @Option(help: "Tokens of each stream before the prompt arrives, and after it.")
    var streamTokens = 100

    @Option(help: "Length of the prompt that arrives, in tokens.")
    var prompt = 4096

    @Option(help: "Rounds; figures are of each.")
    var rounds = 3

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is 1 to 1000.") }
        for (flag, value) in [
            ("--streams", streams), ("--stream-prompt", streamPrompt), ("--stream-tokens", streamTokens),
            ("--prompt", prompt),
        ] where !(1...BenchNumbers.largest).contains(value) {
            throw ValidationError("\(flag) is 1 to \(BenchNumbers.largest).")
        }
    }

    mutating func run() throws {
        var (settings, _) = try flags.settings()
        // The prompt runs beside the streams.
        settings.engine.limits.suitRandomPrompts(sequences: streams + 1)
        let model = try ModelLoader(settings: settings).load()
        defer { model.served.engine.shutDown(drainUntil: .now()) }
        let measured = StallCase(
            streams: streams, streamPromptTokens: streamPrompt, streamTokens: streamTokens, promptTokens: prompt)
        var probe = StallProbe(engine: model.served.engine)
        // Touches weights and cache, so that the first round is like the others.
        _ = try probe.run(StallCase(streams: 1, streamPromptTokens: 32, streamTokens: 2, promptTokens: 32))
        let samples = try (0..<rounds).map { _ in try probe.run(measured) }
        let report = StallReport(model: model.report, probe: measured, samples: samples)
        if json { BenchCommand.print(report.json) } else { Output.standard(report.text) }
    }
}
