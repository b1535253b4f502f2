// GatedProductTests.swift: products that go through their gate as they are made give the bits of a gate by itself.
import Core
import Testing

@testable import Compute

struct GatedProductTests {
    private static let width = 64, wide = 160
    private static let formats: [ElementFormat] = [.f32, .bf16, .q4_0, .q4_1, .q8_0]

    @Test(arguments: [1, 4, 5, 33, 130], [1, 2, 5])
    func `a gate is the same among its products and behind them`(rows: Int, workers: Int) throws {
        for format in Self.formats {
            for activation in [Activation.silu, .geluTanh] {
                let apart = try Self.output(format, activation, rows: rows, workers: workers, gateIsRead: true)
                let together = try Self.output(format, activation, rows: rows, workers: workers, gateIsRead: false)
                #expect(together == apart, "\(format), \(activation)")
                #expect(together.contains { $0 != 0 } && together.allSatisfy(\.isFinite), "\(format), \(activation)")
            }
        }
    }

    /// What a gated feed-forward makes of rows of its table.
    /// gateIsRead: something else reads the products too, so that they must lie in their buffer.
    private static func output(
        _ format: ElementFormat, _ activation: Activation, rows: Int, workers: Int, gateIsRead: Bool
    ) throws -> [Float] {
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: workers))
        func matrix(rows: Int, cols: Int, seed: UInt64) throws -> MatrixHandle {
            try backend.makeMatrix(RandomWeights.source(format, rows: rows, cols: cols, seed: seed))
        }
        let table = try backend.makeTable(RandomWeights.source(.f32, rows: rows, cols: width, seed: 1))
        let input = try backend.makeBuffer(width: width, rows: rows, isContiguous: false)
        let normed = try backend.makeBuffer(width: width, rows: rows, isContiguous: false)
        let gates = try backend.makeBuffer(width: 2 * wide, rows: rows, isContiguous: false)
        let activated = try backend.makeBuffer(width: wide, rows: rows, isContiguous: false)
        let output = try backend.makeBuffer(width: width, rows: rows, isContiguous: true)
        let gate = BufferSlice(gates), up = BufferSlice(gates, offset: wide)
        let products = [
            Product(try matrix(rows: wide, cols: width, seed: 2), into: gate),
            Product(try matrix(rows: wide, cols: width, seed: 3), into: up),
        ]
        let operations: [Compute.Operation] = [
            .embed(table, scale: 1, into: input),
            .normalize(input, kind: .rootMeanSquare, weight: nil, bias: nil, epsilon: 1e-5, into: normed, rows: .all),
            .multiply(products, by: normed, rows: .all),
            .gate(activation, gate: gate, up: up, width: wide, into: activated),
            .multiply(
                [Product(try matrix(rows: width, cols: wide, seed: 4), into: BufferSlice(output))], by: activated,
                rows: .all),
        ]
        try backend.compile(operations + (gateIsRead ? [.scale(gates, factor: 1, rows: .all)] : []))
        backend.run((0..<Int32(rows)).map { $0 })
        return Array(UnsafeBufferPointer(start: backend.contents(of: output), count: rows * width))
    }
}
