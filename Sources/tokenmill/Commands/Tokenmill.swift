// Tokenmill.swift: the commands of the program.
import ArgumentParser

struct Tokenmill: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokenmill",
        abstract: "Serves language models: one process, one binary.",
        discussion: """
            A model is a .gguf file (or the first shard of one) or a Hugging Face directory.

              tokenmill inspect model.gguf                what is in it, and what it needs
              tokenmill chat --model model.gguf           talk to it here
              tokenmill serve --model model.gguf          OpenAI-compatible server on port 8080
              tokenmill bench --model model.gguf          how fast this machine runs it
              tokenmill eval perplexity --model model.gguf --text book.txt
              tokenmill quantize model.gguf smaller.gguf --format Q4_K
            """,
        version: Version.current,
        subcommands: [
            ServeCommand.self, ChatCommand.self, InspectCommand.self, EvalCommand.self,
            BenchCommand.self, QuantizeCommand.self,
        ])
}

enum Version {
    static let current = "0.1.0"
}
