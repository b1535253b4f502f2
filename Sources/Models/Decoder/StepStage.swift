// StepStage.swift: a batch as the flat C records of a step; memory is kept from step to step.
import Compute
import Kernels

final class StepStage {
    private let groups: Int
    private var tables: [UnsafeMutablePointer<Int32>]
    private var tableCapacities: [Int]
    private var spans: [step_span] = []
    private var blocks: [step_block] = []

    init(groups: Int) {
        self.groups = groups
        tables = (0..<groups).map { _ in .allocate(capacity: 1) }
        tableCapacities = Array(repeating: 1, count: groups)
    }

    deinit { tables.forEach { $0.deallocate() } }

    func load(_ batch: BatchInput) {
        for group in 0..<groups { copyTable(batch.pageTables[group], to: group) }
        spans.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        for span in batch.spans {
            let index = Int32(spans.count)
            var record = step_span()
            record.first_row = Int32(span.firstRow)
            record.row_count = Int32(span.rowCount)
            record.first_position = Int32(span.firstPosition)
            withUnsafeMutableBytes(of: &record.pages) { raw in
                let slots = raw.assumingMemoryBound(to: UnsafePointer<Int32>?.self)
                for group in 0..<groups { slots[group] = UnsafePointer(tables[group] + span.tableStarts[group]) }
            }
            spans.append(record)
            appendBlocks(of: span, index: index)
        }
    }

    /// Blocks begin where positions are multiples of their size, so that one worker stores all of a block's keys.
    /// Later ones attend to more, so they come first: the team ends together.
    private func appendBlocks(of span: BatchSpan, index: Int32) {
        let size = BLOCK_ROWS, ahead = span.firstPosition % size
        for start in stride(from: 0, to: ahead + span.rowCount, by: size).reversed() {
            let first = max(0, start - ahead), end = min(start + size - ahead, span.rowCount)
            blocks.append(
                step_block(span: index, first_row: Int32(span.firstRow + first), row_count: Int32(end - first)))
        }
    }

    private func copyTable(_ table: [Int32], to group: Int) {
        if table.count > tableCapacities[group] {
            tables[group].deallocate()
            tableCapacities[group] = 2 * table.count
            tables[group] = .allocate(capacity: tableCapacities[group])
        }
        table.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            tables[group].update(from: base, count: source.count)
        }
    }

    func withRows(of batch: BatchInput, _ body: (inout StepRows) -> Void) {
        batch.tokens.withUnsafeBufferPointer { tokens in
            batch.positions.withUnsafeBufferPointer { positions in
                batch.outputRows.withUnsafeBufferPointer { outputs in
                    spans.withUnsafeBufferPointer { spans in
                        blocks.withUnsafeBufferPointer { blocks in
                            var rows = step(
                                rows: Int32(tokens.count), tokens: tokens.baseAddress,
                                positions: positions.baseAddress, output_count: Int32(outputs.count),
                                output_rows: outputs.baseAddress, spans: spans.baseAddress,
                                block_count: Int32(blocks.count), blocks: blocks.baseAddress)
                            body(&rows)
                        }
                    }
                }
            }
        }
    }
}
