// BenchModelCommand.swift: `tokenmill bench model`: how fast this machine runs a model, in process.
import ArgumentParser
import Checkpoints
import Compute
import Dispatch
import Engine
import JSON
import Models
import Service

struct BenchModelCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Measure prompt and generation throughput in process.",
        discussion: """
            First each --prompt length alone, then each --streams count: that many prompts of
            --stream-prompt tokens at once, each continued by --generate tokens. Figures are
            medians of the rounds; generation counts only while all streams run. `outside` is
            the part of the time that is spent outside the model: planning, sampling, publishing.
            All prompts go in at full speed, whatever engine.mixed_prompt_tokens_max says, and no token is
            guessed, whatever engine.draft_rows_max says: answers to random prompts soon repeat themselves.
            The memory of the cache that all of it uses is cleared beforehand.

            With --machine, `of limit` counts products alone, which no program could pass. JSON says
            share_of_format_limit, too: there the scales of integers and attention count as well, and
            formats compare.

              tokenmill bench --model model.gguf --prompt 512,4096 --streams 1,4,16
              tokenmill bench --model model.gguf --machine --json > today.json
            """)

    /// For each limit of the machine.
    private static let machineSeconds = 0.5

    @OptionGroup var flags: ModelFlags

    @Option(help: "Prompt lengths to measure alone, in tokens; 0 for none.")
    var prompt: BenchNumbers = [512]

    @Option(help: "Numbers of streams that run at once; 0 for none.")
    var streams: BenchNumbers = [1, 4, 16]

    @Option(help: "Prompt length of each stream, in tokens.")
    var streamPrompt = 128

    @Option(help: "Tokens that each stream generates.")
    var generate = 64

    @OptionGroup var sampling: SamplingFlags

    @Option(help: "Rounds; each measures everything once.")
    var rounds = 3

    @Flag(help: "Measure the machine too, and give each figure as a share of its limit.")
    var machine = false

    @Option(
        help: ArgumentHelp(
            "Take the machine's figures from a file of `bench machine --json`, not measured anew.",
            valueName: "file"))
    var machineFrom: String?

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(rounds) else { throw ValidationError("--rounds is 1 to 1000.") }
        let most = BenchNumbers.largest
        guard (1...most).contains(streamPrompt) else { throw ValidationError("--stream-prompt is 1 to \(most).") }
        guard (2...most).contains(generate) else { throw ValidationError("--generate is 2 to \(most).") }
    }

    mutating func run() throws {
        let cases = cases()
        let settings = try settings(streams: cases.map(\.streams).max() ?? 1)
        // A server's cache is soon in use everywhere: what is measured is not the system clearing memory.
        let tokens = rounds * cases.reduce(0) { $0 + $1.streams * ($1.promptTokens + $1.generateTokens) }
        let model = try ModelLoader(settings: settings, cacheTokensTouched: tokens).load()
        var probe = ThroughputProbe(engine: model.served.engine, sampling: sampling.parameters)
        // Touches weights and buffers, so that the first round is like the others.
        _ = try probe.run(ThroughputCase(streams: 1, promptTokens: 32, generateTokens: 2))
        var samples = [[ThroughputSample]](repeating: [], count: cases.count)
        for _ in 0..<rounds {
            for index in cases.indices { samples[index].append(try probe.run(cases[index])) }
        }
        let report = BenchReport(
            model: model.report, compute: settings.model.compute.rawValue,
            results: zip(cases, samples).flatMap(BenchResult.results),
            limit: try machine || machineFrom != nil ? limit(of: model.report, settings) : nil)
        model.served.engine.shutDown(drainUntil: .now())
        guard json else { return Output.standard(report.text) }
        BenchCommand.print(report.json)
    }

    /// Those of the flags, with room for so many streams.
    private func settings(streams: Int) throws -> Settings {
        var (settings, _) = try flags.settings()
        settings.engine.limits.suitRandomPrompts(sequences: streams)
        // What is measured is a full batch: prompts of all streams go in as fast as they can.
        settings.engine.limits.mixedPromptTokensMax = settings.engine.limits.stepTokensMax
        return settings
    }

    private func cases() -> [ThroughputCase] {
        prompt.values.map { ThroughputCase(streams: 1, promptTokens: $0, generateTokens: 1) }
            + streams.values.map {
                ThroughputCase(streams: $0, promptTokens: streamPrompt, generateTokens: generate)
            }
    }

    private func limit(
        of model: LoadReport, _ settings: Settings
    ) throws(CommandFailure) -> BenchReport.Limit {
        let checkpoint: Checkpoint
        do throws(CheckpointError) {
            checkpoint = try Checkpoint.open(model.path)
        } catch {
            throw CommandFailure(error)
        }
        let work = ModelWork(
            checkpoint, attention: try attention(of: checkpoint, settings), packedBytes: model.weightBytes,
            isExact: settings.model.compute == .float32)
        return BenchReport.Limit(work: work, machine: try machineLimits(of: model))
    }

    private func attention(
        of checkpoint: Checkpoint, _ settings: Settings
    ) throws(CommandFailure) -> AttentionWork {
        do throws(ModelError) {
            let configuration = try DecoderConfiguration(checkpoint)
            let element = settings.engine.cacheElement.element
                ?? settings.model.compute.cacheElement(headSize: configuration.headSize)
            return AttentionWork(configuration, element: element)
        } catch {
            throw CommandFailure(error, path: checkpoint.path)
        }
    }

    private func machineLimits(of model: LoadReport) throws(CommandFailure) -> MachineLimits {
        if let machineFrom {
            return try .read(from: machineFrom, kernels: model.kernels, threads: model.threads)
        }
        return try .measure(kernels: model.kernels, threads: model.threads, seconds: Self.machineSeconds)
    }
}
