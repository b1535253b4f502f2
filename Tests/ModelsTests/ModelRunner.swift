// ModelRunner.swift: runs one sequence through a forward pass, for tests: pages in order, any chunks.
import Models

struct ModelRunner {
    let model: any ForwardPass

    init(_ model: any ForwardPass) { self.model = model }

    /// The logits of every position, computed in chunks of at most `chunk` rows.
    func logits(of tokens: [Int32], chunk: Int = 32) -> [[Float]] {
        var result: [[Float]] = []
        var position = 0
        while position < tokens.count {
            let count = min(chunk, model.outputRowsMax, model.rowsMax, tokens.count - position)
            result += step(tokens, from: position, count: count)
            position += count
        }
        return result
    }

    /// One step over positions `[first, first + count)`, logits of all of them.
    private func step(_ tokens: [Int32], from first: Int, count: Int) -> [[Float]] {
        var batch = BatchInput(groups: model.cacheGroups.count)
        batch.tokens = Array(tokens[first..<first + count])
        batch.positions = (first..<first + count).map(Int32.init)
        batch.outputRows = (0..<Int32(count)).map { $0 }
        let pages = (first + count + model.pageSize - 1) / model.pageSize
        for group in model.cacheGroups.indices {
            batch.pageTables[group] = (0..<pages).map { Int32($0) }
        }
        batch.spans = [
            BatchSpan(
                firstRow: 0, rowCount: count, firstPosition: first,
                tableStarts: Array(repeating: 0, count: model.cacheGroups.count))
        ]
        let logits = model.run(batch)
        return (0..<count).map { row in
            Array(logits[row * model.vocabularySize..<(row + 1) * model.vocabularySize])
        }
    }
}

extension [Float] {
    /// The lowest index of the largest element.
    var argmax: Int32 { Int32(indices.max { self[$0] < self[$1] || (self[$0] == self[$1] && $0 > $1) } ?? 0) }
}
