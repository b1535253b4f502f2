// AttentionSharingTests.swift: however the team shares out attention, a row gets the same bits.
import Core
import Kernels
import Testing

@testable import Compute

struct AttentionSharingTests {
    private static let heads = 2, headSize = 16, vocabulary = 64
    /// Positions cached before the row under test: one span, and several.
    private static let pasts = [3, 511, 1700]

    @Test(arguments: pasts, CacheElement.allCases)
    func `one late row is the same alone on one worker and shared out by spans`(
        past: Int, element: CacheElement
    ) throws {
        let alone = try Self.lastRow(past: past, element: element, workers: 1)
        #expect(alone.contains { $0 != 0 } && alone.allSatisfy(\.isFinite))
        for workers in [2, 3, 8] {
            #expect(try Self.lastRow(past: past, element: element, workers: workers) == alone, "\(workers) workers")
        }
    }

    @Test(arguments: [16, 32, 64], CacheElement.allCases)
    func `a row sees the same in copies of its pages`(pageSize: Int, element: CacheElement) throws {
        let original = try Self.lastRow(past: 200, element: element, workers: 1, pageSize: pageSize)
        let copied = try Self.lastRow(past: 200, element: element, workers: 1, pageSize: pageSize, copies: true)
        #expect(copied == original && original.contains { $0 != 0 })
    }

    @Test(arguments: [1, 2], [[], [0], [17], [3, 63]] as [[Int]])
    func `blocks without an output keep keys and values alone`(workers: Int, outputs: [Int]) throws {
        let rows = 64, late = try Self.lastRow(past: rows, element: .int8, workers: 1)
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: workers))
        let whole = try Self.compile(backend, .int8, pageSize: 16, pages: 5)
        Self.run(backend, 0..<rows, [4, 3, 2, 1, 0])
        let all = Self.rows(backend, whole, rows)
        let other = CPUBackend(mode: .auto, team: try WorkerTeam(count: workers))
        let some = try Self.compile(other, .int8, pageSize: 16, pages: 5, rows: .outputs)
        Self.run(other, 0..<rows, [4, 3, 2, 1, 0], outputs: outputs.map(Int32.init))
        let wanted = Self.rows(other, some, rows)
        for row in 0..<rows {
            let isBeside = outputs.contains { $0 / BLOCK_ROWS == row / BLOCK_ROWS }
            #expect(wanted[row] == (isBeside ? all[row] : all[row].map { _ in 0 }), "row \(row)")
        }
        Self.run(other, rows..<rows + 1, [4, 3, 2, 1, 0], outputs: [0])
        #expect(Self.rows(other, some, 1)[0] == late)
    }

    /// Attention with one KV head over `past` positions in chunks, and then one row: its output.
    /// copies: the row looks into copies of the pages, and the pages themselves have been overwritten.
    private static func lastRow(
        past: Int, element: CacheElement, workers: Int, pageSize: Int = 16, copies: Bool = false
    ) throws -> [Float] {
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: workers)), pages = past / pageSize + 2
        let output = try compile(backend, element, pageSize: pageSize, pages: 2 * pages + 1)
        let table = (0..<Int32(pages)).reversed().map { $0 }, copied = table.map { $0 + Int32(pages) + 1 }
        for first in stride(from: 0, to: past, by: 64) {
            run(backend, first..<min(first + 64, past), table)
        }
        if copies {
            for (source, target) in zip(table, copied) {
                backend.copyPage(group: 0, from: Int(source), to: Int(target))
                backend.copyPage(group: 0, from: pages, to: Int(source))
            }
        }
        run(backend, past..<past + 1, copies ? copied : table)
        return rows(backend, output, 1)[0]
    }

    /// One layer's attention over what an embedding gives: its output, `[64, heads * headSize]`.
    private static func compile(
        _ backend: CPUBackend, _ element: CacheElement, pageSize: Int, pages: Int, rows: RowSelection = .all
    ) throws -> BufferHandle {
        let width = (heads + 2) * headSize
        let projected = try backend.makeBuffer(width: width, rows: 64, isContiguous: false)
        let output = try backend.makeBuffer(width: heads * headSize, rows: 64, isContiguous: true)
        let embedding = try backend.makeTable(randomTable(width: width))
        try backend.makeCache(
            [CacheGroupShape(layers: 1, kvHeads: 1, headSize: headSize, pages: pages)], pageSize: pageSize,
            element: element)
        let attention = AttentionDescription(
            projected: projected, output: output, heads: heads, kvHeads: 1, headSize: headSize, group: 0,
            layerInGroup: 0, scale: 0.25)
        try backend.compile([
            .embed(embedding, scale: 1, into: projected), .rotateAndStore(attention), .attend(attention, rows: rows),
        ])
        return output
    }

    private static func rows(_ backend: CPUBackend, _ output: BufferHandle, _ count: Int) -> [[Float]] {
        let width = heads * headSize, contents = backend.contents(of: output)
        return (0..<count).map { Array(UnsafeBufferPointer(start: contents + $0 * width, count: width)) }
    }

    private static func run(
        _ backend: CPUBackend, _ range: Range<Int>, _ table: [Int32], outputs: [Int32] = []
    ) {
        table.withUnsafeBufferPointer { table in
            var span = step_span()
            span.row_count = Int32(range.count)
            span.first_position = Int32(range.lowerBound)
            span.pages.0 = table.baseAddress
            let blocks = stride(from: 0, to: range.count, by: BLOCK_ROWS).map { first in
                step_block(
                    span: 0, first_row: Int32(first), row_count: Int32(min(BLOCK_ROWS, range.count - first)))
            }
            backend.run(
                tokens: range.map { Int32($0 * 37 % vocabulary) }, positions: range.map(Int32.init), outputs: outputs,
                spans: [span], blocks: blocks)
        }
    }

    /// f32 rows that look random and are the same every time.
    private static func randomTable(width: Int) -> WeightSource {
        var state: UInt64 = 5
        let values = UnsafeMutableBufferPointer<Float>.allocate(capacity: vocabulary * width)
        for index in values.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            values[index] = Float(Int(state >> 40) % 2001 - 1000) / 500
        }
        return WeightSource(
            name: "weights", format: .f32, rows: vocabulary, cols: width, bytes: UnsafeRawBufferPointer(values), owner: Allocation(values))
    }

    private final class Allocation {
        private let values: UnsafeMutableBufferPointer<Float>
        init(_ values: UnsafeMutableBufferPointer<Float>) { self.values = values }
        deinit { values.deallocate() }
    }
}
