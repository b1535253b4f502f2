// EvalCommand.swift: `tokenmill eval`: how good a model is, as far as numbers tell.
import ArgumentParser

struct EvalCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Measure the quality of a model.",
        subcommands: [PerplexityCommand.self])
}
