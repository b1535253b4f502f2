// BenchHTTPCommand.swift: `tokenmill bench http`: flags to a plan, a plan to a report.
import ArgumentParser
import Foundation
import JSON

extension LoadAPI: ExpressibleByArgument {}

struct BenchHTTPCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "Measure any OpenAI-compatible server under load.",
        discussion: """
            Closed loop: --clients, each with its next request when it has its answer. Open loop:
            --rate requests per second at random (Poisson), or --trace, arrivals and lengths as
            recorded (CSV or JSON lines of Azure, AIBrix, Mooncake); nobody waits for answers.
            Prompts are random and share no beginning; every answer is streamed, greedy and
            --output-tokens long. A request that is not measured comes first. Answers to random
            prompts soon repeat themselves, which flatters a server that guesses tokens
            (engine.draft_rows_max: 0 makes Tokenmill guess none).

              tokenmill bench http --url http://127.0.0.1:8080 --clients 16
              tokenmill bench http --rate 4 --duration 30 --slo-ttft-ms 500 --slo-tbt-ms 50
              tokenmill bench http --trace azure_2023_conv.csv --speed 0.5 --requests 200 --json
            """)

    @Option(help: "The server; a path before /v1 may follow.")
    var url = "http://127.0.0.1:8080"

    @Option(help: "Connect to this Unix socket instead; the URL still names host and path.")
    var unixSocket: String?

    @Option(help: "The model's name. Default: the first that the server lists.")
    var model: String?

    @Option(help: "A key, if the server wants one. Default: the variable OPENAI_API_KEY.")
    var apiKey: String?

    @Option(help: "completions sends token ids, exactly as many as asked; chat sends words.")
    var api = LoadAPI.completions

    @Option(help: "Closed loop: so many clients. Default: 1.")
    var clients: Int?

    @Option(help: "Open loop: so many requests per second on average.")
    var rate: Double?

    @Option(help: "Open loop: a file of arrivals and lengths.")
    var trace: String?

    @Option(help: "Plays a trace so many times as fast.")
    var speed = 1.0

    @Option(help: "Most requests. Default: four per client; all within --duration; the whole trace.")
    var requests: Int?

    @Option(help: "Seconds in which requests begin; those that run are waited for.")
    var duration: Double?

    @Option(help: "Length of each prompt.")
    var promptTokens = 128

    @Option(help: "Length of each answer.")
    var outputTokens = 64

    @Option(help: "Token ids of prompts stay below half of this, which the model must have.")
    var vocabulary = 32_000

    @Option(help: "Seed of prompts and arrivals. Take another for each run: a server may keep the prompts of the last.")
    var seed: UInt64 = 1

    @Option(help: "Goodput: most milliseconds to the first token.")
    var sloTtftMs: Double?

    @Option(help: "Goodput: most milliseconds per token after the first, on average.")
    var sloTbtMs: Double?

    @Option(help: "Seconds after which a request has failed.")
    var timeout = 600

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    func validate() throws {
        let lengths = 1...LoadLimits.promptTokensMax
        guard [clients != nil, rate != nil, trace != nil].count(where: { $0 }) <= 1 else {
            throw ValidationError("--clients, --rate and --trace exclude each other.")
        }
        guard (1...LoadLimits.connectionsMax).contains(clients ?? 1) else {
            throw ValidationError("--clients is 1 to \(LoadLimits.connectionsMax).")
        }
        guard (1...LoadLimits.requestsMax).contains(requests ?? 1) else {
            throw ValidationError("--requests is 1 to \(LoadLimits.requestsMax).")
        }
        guard rate == nil || requests != nil || duration != nil else {
            throw ValidationError("--rate needs --requests or --duration.")
        }
        guard (1e-6...1e6).contains(rate ?? 1), (1e-6...1e6).contains(speed) else {
            throw ValidationError("--rate and --speed are 0.000001 to 1000000.")
        }
        guard (0...1e6).contains(duration ?? 1), (1...1_000_000).contains(timeout) else {
            throw ValidationError("--duration and --timeout are at most 1000000.")
        }
        guard lengths.contains(promptTokens), lengths.contains(outputTokens) else {
            throw ValidationError(
                "--prompt-tokens and --output-tokens are 1 to \(LoadLimits.promptTokensMax).")
        }
        guard (2 * PromptMaker.firstToken + 2...1 << 30).contains(vocabulary) else {
            throw ValidationError("--vocabulary is at least \(2 * PromptMaker.firstToken + 2).")
        }
    }

    mutating func run() throws {
        let target = try LoadTarget(url: url, unixSocket: unixSocket)
        let plan = try plan()
        let key = apiKey ?? ProcessInfo.processInfo.environment["OPENAI_API_KEY"]
        let server = ServerQuestions(target: target, key: key)
        let (address, model) = try server.meet(model: model)
        let maker = RequestMaker(
            target: target, api: api, model: model, key: key,
            tokensPerWord: api == .chat ? try tokensPerWord(server, model, address) : 1,
            prompts: PromptMaker(seed: seed, tokensBelow: vocabulary / 2))
        warmUp(address, maker)
        var generator = LoadGenerator(
            address: address, maker: maker, plan: plan, requestSecondsMax: timeout)
        let records = generator.run()
        let targets = LatencyTargets(
            firstTokenSeconds: sloTtftMs.map { $0 / 1000 }, tokenSeconds: sloTbtMs.map { $0 / 1000 })
        let report = LoadTestReport(
            target: target, model: model, api: api, arrivals: plan.arrivals, targets: targets,
            records: records)
        if json { BenchCommand.print(report.json) } else { Output.standard(report.text) }
        guard report.answered > 0 else {
            throw CommandFailure(
                "none of \(report.requests) requests was answered",
                advice: "the report says why")
        }
    }

    private func plan() throws(CommandFailure) -> RequestPlan {
        var arrivals = Arrivals.closed(clients: clients ?? 1)
        var most = requests ?? (duration == nil ? 4 * (clients ?? 1) : LoadLimits.requestsMax)
        if let rate { arrivals = .poisson(perSecond: rate, seed: seed) }
        if let trace {
            most = requests ?? LoadLimits.requestsMax
            arrivals = .trace(
                try LoadTrace.requests(in: try read(trace), speed: speed, requestsMax: most))
        }
        return RequestPlan(
            arrivals: arrivals, promptTokens: promptTokens, outputTokens: outputTokens,
            requestsMax: most, secondsMax: duration ?? .infinity)
    }

    /// One request, so that the first that counts finds everything in place; its failure shows
    /// again in those that count.
    private func warmUp(_ address: ClientAddress, _ maker: RequestMaker) {
        var maker = maker
        maker.prompts = PromptMaker(seed: ~seed, tokensBelow: vocabulary / 2)
        let plan = RequestPlan(
            arrivals: .closed(clients: 1), promptTokens: min(promptTokens, 32), outputTokens: 2,
            requestsMax: 1)
        var generator = LoadGenerator(
            address: address, maker: maker, plan: plan, requestSecondsMax: timeout)
        _ = generator.run()
    }

    private func tokensPerWord(
        _ server: ServerQuestions, _ model: String, _ address: ClientAddress
    ) throws(CommandFailure) -> Double {
        guard let ratio = server.tokensPerWord(model: model, at: address) else {
            throw CommandFailure(
                "the server has no /tokenize, so prompts of words cannot be sized",
                advice: "take --api completions, which sends token ids")
        }
        return ratio
    }

    private func read(_ path: String) throws(CommandFailure) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("cannot read '\(path)'", advice: "check --trace")
        }
        guard data.count <= LoadLimits.traceBytesMax else {
            throw CommandFailure(
                "'\(path)' has \(data.count) bytes, limit \(LoadLimits.traceBytesMax)",
                advice: "take a part of it")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
