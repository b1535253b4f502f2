// RowSharingTests.swift: steps of many sequences give the same bits shared out by rows or not, and both happen.
import Core
import Kernels
import Testing

@testable import Compute

struct RowSharingTests {
    private static let counts = [15, 17, 32, 70]

    @Test(arguments: counts, [ElementFormat.q4_1, .bf16])
    func `rows of many sequences are the same on one worker and shared out`(sequences: Int, format: ElementFormat) throws {
        let alone = try SharedModel(sequences: sequences, workers: 1, format: format)
        let others = try [2, 3].map { try SharedModel(sequences: sequences, workers: $0, format: format) }
        for position in 0..<40 {
            let expected = alone.step(position)
            #expect(expected.contains { $0 != 0 } && expected.allSatisfy(\.isFinite))
            for model in others { #expect(model.step(position) == expected, "\(model.workers) workers, step \(position)") }
        }
        for model in others {
            #expect(model.trial.steps == (sequences >= model.workers * 8 ? 40 : 0))
            #expect(model.paces.allSatisfy { $0 > 0 } == (model.trial.steps > 0))
        }
        #expect(alone.trial.steps == 0)
    }

    @Test(arguments: [[1.0, 1000], [1000, 1], [3, 2], [1, 1]])
    func `rows are the same whatever the paces`(paces: [Double]) throws {
        let alone = try SharedModel(sequences: 18, workers: 1), shared = try SharedModel(sequences: 18, workers: 2)
        for position in 0..<4 {
            shared.prefer(shares: true, paces: paces)
            #expect(shared.step(position) == alone.step(position))
            #expect(shared.paces[0] != paces[0] && shared.paces[1] != paces[1], "both had a share")
        }
    }

    @Test func `what is faster is kept, and the other way is tried now and then`() throws {
        let shared = try SharedModel(sequences: 16, workers: 2)
        shared.prefer(shares: false, paces: [5, 5])
        for position in 0..<10 {
            _ = shared.step(position)
            #expect(shared.paces == [5, 5], "no shares")
        }
        shared.prefer(shares: false, paces: [5, 5], steps: 64)
        _ = shared.step(10)
        #expect(shared.paces != [5, 5], "tried")
    }

    @Test func `rows that look at each other, or whose outputs are not wanted, are not shared out`() throws {
        let model = try SharedModel(sequences: 16, workers: 2)
        for wanted in [[], [Int32](0..<15), [Int32]((0..<16).reversed())] {
            model.run(position: 0, outputs: wanted)
            #expect(model.trial.steps == 0)
        }
        model.runOneSequence()
        #expect(model.trial.steps == 0)
    }
}

/// A last layer: attention, an output product, and what comes behind it; each sequence has one page.
private final class SharedModel {
    let workers: Int
    private let sequences: Int
    private let backend: CPUBackend
    private let logits: BufferHandle
    private static let width = 64, headSize = 16, vocabulary = 160, pageSize = 64

    init(sequences: Int, workers: Int, format: ElementFormat = .q4_1) throws {
        self.workers = workers
        self.sequences = sequences
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: workers))
        self.backend = backend
        let width = Self.width, rows = max(sequences, 16)
        func buffer(_ width: Int) throws -> BufferHandle {
            try backend.makeBuffer(width: width, rows: rows, isContiguous: false)
        }
        let hidden = try buffer(width), normed = try buffer(width), projected = try buffer(2 * width)
        let attended = try buffer(width), chosen = try buffer(width), chosenAttended = try buffer(width)
        let logits = try backend.makeBuffer(width: Self.vocabulary, rows: rows, isContiguous: true)
        self.logits = logits
        let embedding = try backend.makeTable(
            RandomWeights.source(.f32, rows: Self.vocabulary, cols: width, seed: 1))
        func matrix(_ rows: Int, _ seed: UInt64) throws -> MatrixHandle {
            try backend.makeMatrix(RandomWeights.source(format, rows: rows, cols: width, seed: seed))
        }
        let into = try matrix(2 * width, 2), out = try matrix(width, 3), head = try matrix(Self.vocabulary, 4)
        try backend.makeCache(
            [CacheGroupShape(layers: 1, kvHeads: 2, headSize: Self.headSize, pages: rows)], pageSize: Self.pageSize,
            element: .int8)
        let attention = AttentionDescription(
            projected: projected, output: attended, heads: 4, kvHeads: 2, headSize: Self.headSize, group: 0,
            layerInGroup: 0, scale: 0.25)
        func norm(_ input: BufferHandle, _ rows: RowSelection) -> Compute.Operation {
            .normalize(input, kind: .rootMeanSquare, weight: nil, bias: nil, epsilon: 1e-5, into: normed, rows: rows)
        }
        try backend.compile([
            .embed(embedding, scale: 1, into: hidden), norm(hidden, .all),
            .multiply([Product(into, into: BufferSlice(projected))], by: normed, rows: .all),
            .rotateAndStore(attention), .attend(attention, rows: .outputs),
            .select(hidden, into: chosen), .select(attended, into: chosenAttended),
            .multiply(
                [Product(out, into: BufferSlice(chosen), accumulates: true)], by: chosenAttended, rows: .outputs),
            norm(chosen, .outputs), .multiply([Product(head, into: BufferSlice(logits))], by: normed, rows: .outputs),
            .softCap(logits, cap: 30, rows: .outputs),
        ])
    }

    private var sharing: UnsafeMutablePointer<step_sharing> { backend.program!.sharing }

    var paces: [Double] {
        withUnsafeBytes(of: sharing.pointee.paces) { Array($0.assumingMemoryBound(to: Double.self).prefix(workers)) }
    }

    /// Of steps of as many rows as there are sequences.
    var trial: sharing_trial { withTrial { $0.pointee } }

    private func withTrial<R>(_ body: (UnsafeMutablePointer<sharing_trial>) -> R) -> R {
        withUnsafeMutableBytes(of: &sharing.pointee.trials) { raw in
            body(raw.assumingMemoryBound(to: sharing_trial.self).baseAddress! + sequences / Int(ROWS_PER_TRIAL))
        }
    }

    /// steps: so many have been measured, after which none is a trial, or the next one is.
    func prefer(shares: Bool, paces: [Double], steps: Int64 = 33) {
        withTrial { $0.pointee = sharing_trial(steps: steps, seconds_per_row: 1, ratio: shares ? 0.5 : 2) }
        withUnsafeMutableBytes(of: &sharing.pointee.paces) { raw in
            for (worker, pace) in paces.enumerated() { raw.assumingMemoryBound(to: Double.self)[worker] = pace }
        }
    }

    /// The logits of all sequences, whose rows stand at one position.
    func step(_ position: Int) -> [Float] {
        run(position: position, outputs: [Int32](0..<Int32(sequences)))
        return Array(UnsafeBufferPointer(start: backend.contents(of: logits), count: sequences * Self.vocabulary))
    }

    func run(position: Int, outputs: [Int32]) {
        let tokens = (0..<sequences).map { Int32(($0 * 37 + position * 11) % Self.vocabulary) }
        let positions = [Int32](repeating: Int32(position), count: sequences)
        let blocks = tokens.indices.map { step_block(span: Int32($0), first_row: Int32($0), row_count: 1) }
        let pages = [Int32](0..<Int32(sequences))
        pages.withUnsafeBufferPointer { pages in
            let spans = tokens.indices.map { index in
                var span = step_span()
                (span.first_row, span.row_count, span.first_position) = (Int32(index), 1, Int32(position))
                span.pages.0 = pages.baseAddress! + index
                return span
            }
            backend.run(tokens: tokens, positions: positions, outputs: outputs, spans: spans, blocks: blocks)
        }
    }

    /// Sixteen rows of one sequence.
    func runOneSequence() {
        let rows = [Int32](0..<16)
        [Int32](0..<1).withUnsafeBufferPointer { pages in
            var span = step_span()
            span.row_count = 16
            span.pages.0 = pages.baseAddress
            backend.run(
                tokens: rows, positions: rows, outputs: rows, spans: [span],
                blocks: [step_block(span: 0, first_row: 0, row_count: 16)])
        }
    }
}
