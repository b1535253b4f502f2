// ChatCommand.swift: `tokenmill chat`: a conversation in the terminal, without a server.
import ArgumentParser
import Core
import Dispatch
import Engine
import Foundation
import Service

struct ChatCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk to a model in the terminal.",
        discussion: """
            Each line is a message; the answer streams. /reset forgets the conversation, /exit or
            Ctrl-D ends, Ctrl-C stops an answer. With standard input from a file or a pipe only
            the answers are printed.

              tokenmill chat --model model.gguf --system "You answer in one sentence."
            """)

    @OptionGroup var flags: ModelFlags

    @Option(help: "What the model is told before the conversation.")
    var system: String?

    @Option(
        help: "0 takes the most likely token; higher is livelier. Default: the model's, or 0.7.")
    var temperature: Float?

    @Option(help: "Most tokens of one answer.")
    var maxTokens = 1024

    @Option(help: "The same seed gives the same answers. Default: random.")
    var seed: UInt64?

    func validate() throws {
        if let temperature, !(0...2).contains(temperature) {
            throw ValidationError("--temperature is 0 to 2.")
        }
        guard maxTokens > 0 else { throw ValidationError("--max-tokens is at least 1.") }
    }

    mutating func run() throws {
        let (settings, _) = try flags.settings()
        let isInteractive = isatty(STDIN_FILENO) == 1
        if isInteractive { Output.error("loading \(settings.model.path) ...") }
        let model = try ModelLoader(settings: settings).load()
        for warning in model.warnings { Output.error("\n\(warning)\n") }
        guard model.served.template != nil else {
            throw CommandFailure(
                "\(settings.model.path) has no chat template, it is not made for conversation",
                advice: "serve it, and use /v1/completions")
        }
        if isInteractive {
            Output.error("\r\u{1B}[K\(model.served.id), \(model.report.family). /exit ends.\n")
        }
        var sampling = TerminalConversation.sampling(of: model.served, temperature: temperature)
        sampling.seed = seed ?? .random(in: 0 ... .max)
        var conversation = TerminalConversation(
            model: model.served, system: system, sampling: sampling, tokensMax: maxTokens)
        let interrupt = Interrupt(engine: model.served.engine)
        while true {
            if isInteractive { Output.standard("> ") }
            guard let line = readLine() else { break }
            switch line.trimmingCharacters(in: .whitespaces) {
            case "": continue
            case "/exit": return
            case "/reset": conversation.reset()
            default: try conversation.answer(line, interrupt: interrupt, write: Output.standard)
            }
        }
        model.served.engine.shutDown(drainUntil: .now())
    }
}
