// QuantizationJob.swift: one file to another: opens, plans, converts, and names the result at the end.
import Checkpoints
import Compute
import Glibc

struct QuantizationJob {
    let input: String
    let output: String
    let format: WeightFormat
    /// Of the token embedding and the output matrix.
    let head: WeightFormat
    let threads: Int
    let existing: GGUFFileWriter.Existing

    /// - progress: called often; answers whether to go on.
    func run(
        progress: (Quantizer.Progress) -> Bool = { _ in true }
    ) throws(QuantizationError) -> QuantizationSummary {
        let checkpoint = try open()
        try requireAnotherFile(than: checkpoint)
        let plan = try QuantizationPlan(checkpoint, format: format, head: head)
        let quantizer = Quantizer(team: try team())
        let writer = try writer(plan.header)
        try quantizer.run(plan, from: checkpoint, into: writer, progress: progress)
        do throws(CheckpointError) { try writer.finish() } catch { throw .writing(error) }
        return QuantizationSummary(plan, path: output)
    }

    private func open() throws(QuantizationError) -> Checkpoint {
        do throws(CheckpointError) { return try Checkpoint.open(input) } catch { throw .reading(error) }
    }

    private func team() throws(QuantizationError) -> WorkerTeam {
        do throws(WorkerTeamError) { return try WorkerTeam(count: threads) } catch { throw .workers(error) }
    }

    private func writer(_ header: GGUFHeader) throws(QuantizationError) -> GGUFFileWriter {
        do throws(CheckpointError) {
            return try GGUFFileWriter(path: output, header: header, existing: existing)
        } catch {
            throw .writing(error)
        }
    }

    /// By inode, so that links are seen through.
    private func requireAnotherFile(than checkpoint: Checkpoint) throws(QuantizationError) {
        var target = stat()
        guard stat(output, &target) == 0 else { return }
        for path in checkpoint.mappings.map(\.path) {
            var source = stat()
            guard stat(path, &source) == 0 else { continue }
            guard source.st_dev != target.st_dev || source.st_ino != target.st_ino else {
                throw .sameFile(path: output)
            }
        }
    }
}
