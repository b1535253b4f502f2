// InspectCommand.swift: `tokenmill inspect`: what is in a checkpoint, without loading it.
import ArgumentParser
import Checkpoints
import JSON

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Show what a checkpoint holds and what a machine needs to serve it.",
        discussion: """
            Reads names and metadata only, so it is quick for files of any size.

              tokenmill inspect model.gguf
              tokenmill inspect model.gguf --tensors
            """)

    @Argument(help: "A .gguf file, the first shard of one, or a Hugging Face directory.")
    var path: String

    @Flag(help: "List every tensor with its shape and format.")
    var tensors = false

    @Flag(help: "Print JSON.")
    var json = false

    mutating func run() throws {
        let checkpoint: Checkpoint
        do throws(CheckpointError) {
            checkpoint = try Checkpoint.open(path)
        } catch {
            throw CommandFailure(error)
        }
        let inspection = Inspection(checkpoint, listsTensors: tensors)
        if json {
            let bytes = inspection.json.serialized(pretty: true)
            Output.standard(String(decoding: bytes, as: UTF8.self) + "\n")
        } else {
            Output.standard(inspection.text)
        }
    }
}
