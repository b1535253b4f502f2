// QuantizeCommand.swift: `tokenmill quantize`: a GGUF file with its weights in another format.
import ArgumentParser
import Checkpoints
import Compute
import Foundation

struct QuantizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Write a GGUF file with its weights in another format.",
        discussion: """
            Matrices are converted. Norms, biases and other vectors stay as they are,
            and so do matrices that have the format already. The token embedding and
            the output matrix get --head. All metadata is carried over.

              F32, F16, BF16     nothing or little is lost
              Q8_0, Q6_K         8.5 and 6.6 bits a weight: hardly worse than F16
              Q5_K, Q5_1, Q5_0   5.5, 6 and 5.5 bits
              Q4_K, Q4_1, Q4_0   4.5, 5 and 4.5 bits: the smallest

            Rows that do not fill the blocks of a K format (256 weights) fall back:
            Q4_K to Q5_0, Q5_K to Q5_1, Q6_K to Q8_0; rows that do not fill 32, to
            F16. Losses add up: start from the most precise file there is.
            `tokenmill eval perplexity` measures what was lost.

              tokenmill quantize model-F16.gguf model-Q4_K.gguf --format Q4_K
              tokenmill quantize model.gguf model-F32.gguf --format F32
            """)

    @Argument(help: "A .gguf file, or the first shard of one; the output is one file.")
    var input: String

    @Argument(help: "The file to write; it appears when it is whole.")
    var output: String

    @Option(help: "The format of matrices.")
    var format: WeightFormat

    @Option(
        help: ArgumentHelp(
            "The format of the token embedding and the output matrix. Default: Q8_0 for formats of "
                + "4 and 5 bits, else that of the others.", valueName: "format"))
    var head: WeightFormat?

    @Option(help: "Worker threads. Default: one per core.")
    var threads: Int?

    @Flag(help: "Replace the output if it exists.")
    var force = false

    func validate() throws {
        guard (1...WorkerTeam.countMax).contains(threads ?? 1) else {
            throw ValidationError("--threads is 1 to \(WorkerTeam.countMax).")
        }
    }

    mutating func run() throws {
        let job = QuantizationJob(
            input: input, output: output, format: format, head: head ?? format.head,
            threads: threads ?? min(ProcessInfo.processInfo.activeProcessorCount, WorkerTeam.countMax),
            existing: force ? .replaced : .refused)
        let interruption = Interruption()
        let showsProgress = isatty(STDERR_FILENO) == 1
        do throws(QuantizationError) {
            let summary = try job.run { sofar in
                if showsProgress { Output.error("\r\u{1B}[K\(sofar.text)") }
                return !interruption.isRequested
            }
            if showsProgress { Output.error("\r\u{1B}[K") }
            Output.standard(summary.text)
        } catch {
            if showsProgress { Output.error("\r\u{1B}[K") }
            throw CommandFailure(error)
        }
    }
}

extension Quantizer.Progress {
    fileprivate var text: String {
        "\((Double(bytesDone) / Double(max(1, bytesTotal))).percent()) \(tensor)"
    }
}
