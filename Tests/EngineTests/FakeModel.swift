// FakeModel.swift: a model whose logits are a hash of the whole visible history, read back from its
// own paged cache, so that a wrong page table, a missed copy or a stale page changes the tokens.
import Compute
import Core
import Dispatch
import Models

final class FakeModel: ForwardPass {
    struct Shape {
        var pageSize = 4
        var kinds: [CacheKind] = [.full, .slidingWindow(6)]
        var pages = [4096, 4096]
        var contextMax = 256
        var rowsMax = 512
        var outputRowsMax = 128
        /// Three times of four, the likeliest token is the one that stood so many places before it.
        var period: Int?
        /// Its rows have NaN logits.
        var poison: TokenID?
        /// Waits here before each step.
        var gate: DispatchSemaphore?
    }

    let vocabularySize = 97
    let contextMax: Int
    let pageSize: Int
    let cacheGroups: [CacheGroupDescription]
    let pageCounts: [Int]
    let rowsMax: Int
    let outputRowsMax: Int
    private let shape: Shape
    private var cache: [[UInt64]]
    private let logits: UnsafeMutableBufferPointer<Float>
    /// More than this machine may have cores: what they do must not depend on when they do it.
    private let team = try! WorkerTeam(count: 3)

    init(_ shape: Shape = Shape()) {
        self.shape = shape
        contextMax = shape.contextMax
        pageSize = shape.pageSize
        cacheGroups = shape.kinds.map {
            CacheGroupDescription(kind: $0, layers: 1, pageBytes: 8 * shape.pageSize)
        }
        pageCounts = shape.pages
        rowsMax = shape.rowsMax
        outputRowsMax = shape.outputRowsMax
        cache = shape.pages.map { pages in
            (0..<pages * shape.pageSize).map { Self.mix(UInt64($0) ^ 0xbad) }
        }
        logits = .allocate(capacity: shape.outputRowsMax * vocabularySize)
    }

    deinit { logits.deallocate() }

    func run(_ batch: BatchInput) -> UnsafeMutableBufferPointer<Float> {
        shape.gate?.wait()
        precondition(batch.tokens.count <= rowsMax && batch.outputRows.count <= outputRowsMax)
        for copy in batch.copies {
            for offset in 0..<pageSize {
                cache[copy.group][Int(copy.target) * pageSize + offset] =
                    cache[copy.group][Int(copy.source) * pageSize + offset]
            }
        }
        for span in batch.spans { write(span, batch) }
        var next = 0
        for span in batch.spans {
            for row in span.firstRow..<span.firstRow + span.rowCount {
                guard next < batch.outputRows.count, Int(batch.outputRows[next]) == row else {
                    continue
                }
                fill(next, span, row, batch)
                next += 1
            }
        }
        precondition(
            next == batch.outputRows.count, "output rows are not ascending rows of the batch")
        return UnsafeMutableBufferPointer(rebasing: logits[..<(next * vocabularySize)])
    }

    var workers: Int { team.count }

    func spread(_ parts: Int, _ body: (_ part: Int, _ worker: Int) -> Void) { team.forEach(parts, body) }

    private func place(_ position: Int, _ group: Int, _ span: BatchSpan, _ batch: BatchInput)
        -> Int?
    {
        let page = batch.pageTables[group][span.tableStarts[group] + position / pageSize]
        return page < 0 ? nil : Int(page) * pageSize + position % pageSize
    }

    private func write(_ span: BatchSpan, _ batch: BatchInput) {
        for index in 0..<span.rowCount {
            let position = span.firstPosition + index
            precondition(batch.positions[span.firstRow + index] == Int32(position))
            let token = UInt64(UInt32(bitPattern: batch.tokens[span.firstRow + index]))
            for group in cache.indices {
                guard let place = place(position, group, span, batch) else {
                    preconditionFailure("no page to write")
                }
                cache[group][place] = Self.entry(token, position, group: group)
            }
        }
    }

    private func fill(_ output: Int, _ span: BatchSpan, _ row: Int, _ batch: BatchInput) {
        let position = span.firstPosition + row - span.firstRow
        var state: UInt64 = 1
        for group in cache.indices {
            var first = 0
            if case .slidingWindow(let window) = cacheGroups[group].kind {
                first = max(0, position - window + 1)
            }
            for seen in first...position {
                state = Self.mix(
                    state ^ (place(seen, group, span, batch).map { cache[group][$0] } ?? 0xdead))
            }
        }
        let repeated = state % 4 > 0 ? repeatedToken(behind: position, span, batch) : nil
        let fails = shape.poison == batch.tokens[row]
        for column in 0..<vocabularySize {
            let bits = Self.mix(state ^ UInt64(column) << 32)
            logits[output * vocabularySize + column] =
                fails ? .nan : Float(bits >> 40) * 0x1p-21 - 4 + (column == repeated ? 20 : 0)
        }
    }

    /// Read back from the cache, like everything else.
    private func repeatedToken(behind position: Int, _ span: BatchSpan, _ batch: BatchInput) -> Int? {
        guard let period = shape.period, position + 1 >= period else { return nil }
        let source = position + 1 - period
        guard let place = place(source, 0, span, batch) else { return nil }
        return (0..<vocabularySize).first { cache[0][place] == Self.entry(UInt64($0), source, group: 0) }
    }

    private static func entry(_ token: UInt64, _ position: Int, group: Int) -> UInt64 {
        mix(token &* 1_000_003 ^ UInt64(position) << 40 ^ UInt64(group) << 56)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value &+ 0x9e37_79b9_7f4a_7c15
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}
