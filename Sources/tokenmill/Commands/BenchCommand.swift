// BenchCommand.swift: `tokenmill bench`: how fast a model, a server or this machine is.
import ArgumentParser
import JSON

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure a model, a server or this machine.",
        discussion: """
              tokenmill bench --model model.gguf                 a model in process
              tokenmill bench stalls --model model.gguf          streams beside a long prompt
              tokenmill bench http --url http://127.0.0.1:8080   any server, over HTTP
              tokenmill bench machine                            what the machine could do at best
            """,
        subcommands: [
            BenchModelCommand.self, BenchStallsCommand.self, BenchHTTPCommand.self, BenchMachineCommand.self,
        ],
        defaultSubcommand: BenchModelCommand.self)

    static func print(_ value: JSONValue) {
        Output.standard(String(decoding: value.serialized(pretty: true), as: UTF8.self) + "\n")
    }
}
