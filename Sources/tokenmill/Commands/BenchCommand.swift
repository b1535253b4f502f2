// BenchCommand.swift: `tokenmill bench`: how fast a model, a server or this machine is.
import ArgumentParser
import JSON

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a model, a server or this machine.",
        discussion: """
              tokenmill bench --model model.gguf                 a model in process
              tokenmill bench machine                            what the machine could do at best
            """,
        subcommands: [BenchModelCommand.self, BenchMachineCommand.self],
        defaultSubcommand: BenchModelCommand.self)

    static func print(_ value: JSONValue) {
        Output.standard(String(decoding: value.serialized(pretty: true), as: UTF8.self) + "\n")
    }
}
