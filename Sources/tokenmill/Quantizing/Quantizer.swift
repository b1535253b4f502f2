// Quantizer.swift: turns each tensor of a plan into its new format and hands it to the writer.
// Memory is bounded by one band of rows and a row of floats for each worker, whatever the model's size.
//
// file:    [tensor][tensor][.......... tensor ..........][tensor]
// tensor:                  [band][band] ... rows, written in order
// band:                    [part][part] ... rows, converted in parallel
import Checkpoints
import Compute
import Core
import Kernels
import Synchronization

struct Quantizer {
    /// Of the new format; a row may be longer.
    static let bandBytesMax = 16 << 20
    /// Enough work to outweigh the start of a part.
    static let partElementsLeast = 1 << 16

    struct Progress {
        let tensor: String
        let bytesDone: Int
        let bytesTotal: Int
    }

    let team: WorkerTeam

    /// - progress: called after each band; answers whether to go on.
    func run(
        _ plan: QuantizationPlan, from checkpoint: Checkpoint, into writer: GGUFFileWriter,
        progress: (Progress) -> Bool
    ) throws(QuantizationError) {
        let total = plan.header.tensors.reduce(0) { $0 + $1.byteCount }
        var done = 0
        for step in plan.steps {
            let rows = step.source.elementCount / step.source.rowElements
            let rowBytes = step.target.bytes(of: step.source.rowElements)
            let bandRows = max(1, Self.bandBytesMax / rowBytes)
            for begin in stride(from: 0, to: rows, by: bandRows) {
                let band = begin..<min(rows, begin + bandRows)
                try write(convert(step, band), to: writer)
                done += band.count * rowBytes
                let sofar = Progress(tensor: step.source.name, bytesDone: done, bytesTotal: total)
                guard progress(sofar) else { throw .interrupted }
            }
        }
        do throws(CheckpointError) { try checkpoint.requireUnchanged() } catch { throw .reading(error) }
    }

    private func write(_ bytes: [UInt8], to writer: GGUFFileWriter) throws(QuantizationError) {
        do throws(CheckpointError) {
            try bytes.withUnsafeBufferPointer { (bytes) throws(CheckpointError) in
                try writer.append(UnsafeRawBufferPointer(bytes))
            }
        } catch {
            throw .writing(error)
        }
    }

    /// The rows in the new format. Of several faults the first one in the tensor is told.
    private func convert(
        _ step: QuantizationPlan.Step, _ rows: Range<Int>
    ) throws(QuantizationError) -> [UInt8] {
        let conversion = RowConversion(step)
        let partRows = max(1, Self.partElementsLeast / step.source.rowElements)
        let parts = (rows.count + partRows - 1) / partRows
        let firstFault = Mutex<UnfitValue?>(nil)
        let bytes = [UInt8](unsafeUninitializedCapacity: rows.count * conversion.targetBytes) { buffer, count in
            nonisolated(unsafe) let target = UnsafeMutableRawBufferPointer(buffer)
            team.forEach(parts) { part in
                let begin = part * partRows
                let end = min(rows.count, begin + partRows)
                let bytes = target[(begin * conversion.targetBytes)..<(end * conversion.targetBytes)]
                let from = rows.lowerBound + begin
                guard let fault = conversion.convert(
                    rows: from..<(from + end - begin), into: UnsafeMutableRawBufferPointer(rebasing: bytes))
                else { return }
                firstFault.withLock { $0 = $0.map { $0.row < fault.row ? $0 : fault } ?? fault }
            }
            count = buffer.count
        }
        if let fault = firstFault.withLock({ $0 }) { throw conversion.error(fault) }
        return bytes
    }
}
