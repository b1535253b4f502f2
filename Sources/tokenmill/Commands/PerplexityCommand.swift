// PerplexityCommand.swift: `tokenmill eval perplexity`.
import ArgumentParser
import Compute
import Dispatch
import Engine
import Foundation
import JSON
import Service

struct PerplexityCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "perplexity",
        abstract: "Measure how well a model predicts a text; lower is better.",
        discussion: """
            The text is tokenized, cut into windows and each window scored on its own. Compare
            only figures of the same text, window and tokenizer: before and after quantization,
            or --compute auto against float32.

              tokenmill eval perplexity --model model.gguf --text book.txt --window 512
            """)

    @OptionGroup var flags: ModelFlags

    @Option(help: "A text file in UTF-8.")
    var text: String

    @Option(help: "Tokens of a window.")
    var window = 512

    @Option(help: "Most windows. Default: the whole text.")
    var windows: Int?

    @Flag(help: "Print JSON instead of a line.")
    var json = false

    func validate() throws {
        guard window > 1 else { throw ValidationError("--window is at least 2.") }
        guard windows ?? 1 > 0 else { throw ValidationError("--windows is at least 1.") }
    }

    mutating func run() throws {
        let (settings, _) = try flags.settings()
        let content = try read()
        let model = try ModelLoader(settings: settings).load()
        let start = DispatchTime.now().uptimeNanoseconds
        let perplexity = Perplexity(
            model: model.served, windowTokens: window, windowsMax: windows)
        let showsProgress = isatty(STDERR_FILENO) == 1
        let result = try perplexity.measure(content) { sofar in
            guard showsProgress else { return }
            Output.error("\rwindow \(sofar.windows): \(Self.rounded(sofar.perplexity))   ")
        }
        if showsProgress { Output.error("\r\u{1B}[K") }
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        report(result, seconds: seconds, compute: settings.model.compute.rawValue)
        model.served.engine.shutDown(drainUntil: .now())
    }

    private func report(_ result: Perplexity.Result, seconds: Double, compute: String) {
        guard json else {
            return Output.standard(
                "perplexity \(Self.rounded(result.perplexity)) ± \(Self.rounded(result.error)) "
                    + "over \(result.tokens) tokens in \(result.windows) windows of \(window), "
                    + "\(Int(Double(result.tokens) / seconds)) tokens/s\n")
        }
        var object = JSONObject()
        object["perplexity"] = .double(result.perplexity)
        object["error"] = .double(result.error)
        object["tokens"] = .integer(result.tokens)
        object["windows"] = .integer(result.windows)
        object["window"] = .integer(window)
        object["compute"] = .string(compute)
        object["seconds"] = .double(seconds)
        Output.standard(
            String(decoding: JSONValue.object(object).serialized(pretty: true), as: UTF8.self)
                + "\n")
    }

    private func read() throws(CommandFailure) -> String {
        guard let data = FileManager.default.contents(atPath: text) else {
            throw CommandFailure("cannot read '\(text)'", advice: "check --text")
        }
        guard let content = String(validating: data, as: UTF8.self) else {
            throw CommandFailure("'\(text)' is not UTF-8", advice: "convert it first")
        }
        return content
    }

    private static func rounded(_ value: Double) -> Double { (value * 10_000).rounded() / 10_000 }
}
