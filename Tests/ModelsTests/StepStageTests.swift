// StepStageTests.swift: how a step's rows are cut into blocks that workers take.
import Kernels
import Testing
@testable import Models

struct StepStageTests {
    @Test(arguments: [0, 5, 31, 32, 40, 100], [1, 2, 31, 32, 33, 70])
    func `blocks begin at multiples of their size or with their span, and hold every row once`(
        position: Int, rows: Int
    ) {
        let size = Int(BLOCK_ROWS)
        var batch = BatchInput(groups: 1)
        batch.pageTables = [[0, 1]]
        // A span before it, so that its first row is not the step's.
        batch.spans = [
            BatchSpan(firstRow: 0, rowCount: 3, firstPosition: 7, tableStarts: [0]),
            BatchSpan(firstRow: 3, rowCount: rows, firstPosition: position, tableStarts: [1]),
        ]
        let stage = StepStage(groups: 1)
        stage.load(batch)
        var blocks: [step_block] = []
        stage.withRows(of: batch) { step in
            blocks = Array(UnsafeBufferPointer(start: step.blocks, count: Int(step.block_count)))
        }
        let own = blocks.filter { $0.span == 1 }.sorted { $0.first_row < $1.first_row }
        var next = 3
        for block in own {
            let first = position + Int(block.first_row) - 3
            #expect(Int(block.first_row) == next && block.row_count > 0)
            #expect(first == position || first % size == 0)
            #expect(first / size == (first + Int(block.row_count) - 1) / size)
            next += Int(block.row_count)
        }
        #expect(next == 3 + rows && blocks.count == own.count + 1)
    }
}
