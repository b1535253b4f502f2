// PackedMatrixTests.swift: packed weights times activations against dequantized weights in doubles.
import Core
import Kernels
import Testing

@testable import Compute

struct PackedMatrixTests {
    @Test(arguments: RandomWeights.formats, ComputeMode.allCases)
    func `a packed matrix multiplies as its dequantized values do`(
        format: ElementFormat, mode: ComputeMode
    ) throws {
        let rows = 21, cols = 512
        let source = RandomWeights.source(format, rows: rows, cols: cols, seed: UInt64(format.rawValue) + 7)
        let team = try WorkerTeam(count: 2)
        let backend = CPUBackend(mode: mode, team: team)
        let table = try backend.makeTable(source)
        let input = try backend.makeBuffer(width: cols, rows: 4, isContiguous: false)
        let output = try backend.makeBuffer(width: rows, rows: 4, isContiguous: true)
        let matrix = try backend.makeMatrix(source)
        // The input rows are rows of the table itself: no other way in is needed.
        try backend.compile([
            .embed(table, scale: 1, into: input),
            .normalize(input, kind: .rootMeanSquare, weight: nil, bias: nil, epsilon: 1e-5, into: input, rows: .all),
            .multiply([Product(matrix, into: BufferSlice(output))], by: input, rows: .all),
        ])
        let tokens: [Int32] = [0, 20, 7, 3]
        backend.run(tokens)
        let weights = Self.dequantized(source)
        for (row, token) in tokens.enumerated() {
            let x = Self.normalized(weights[Int(token)])
            for column in 0..<rows {
                let expected = zip(weights[column], x).reduce(0.0) { $0 + Double($1.0) * Double($1.1) }
                let size = zip(weights[column], x).reduce(0.0) { $0 + abs(Double($1.0) * Double($1.1)) }
                let got = Double(backend.contents(of: output)[row * rows + column])
                #expect(abs(got - expected) <= size * (mode == .float32 ? 1e-5 : 0.01), "\(row), \(column)")
            }
        }
    }

    @Test(arguments: RandomWeights.formats, ComputeMode.allCases)
    func `a matrix that serves as a table has the rows of its source`(format: ElementFormat, mode: ComputeMode) throws {
        let rows = 21, cols = 512
        let source = RandomWeights.source(format, rows: rows, cols: cols, seed: UInt64(format.rawValue) + 3)
        let backend = CPUBackend(mode: mode, team: try WorkerTeam(count: 1))
        let output = try backend.makeBuffer(width: cols, rows: rows, isContiguous: true)
        let table = backend.makeTable(of: try backend.makeMatrix(source))
        try backend.compile([.embed(table, scale: 1, into: output)])
        backend.run((0..<Int32(rows)).map { $0 })
        let got = UnsafeBufferPointer(start: backend.contents(of: output), count: rows * cols)
        let expected = Self.dequantized(source).flatMap { $0 }
        if mode == .float32 || [.f32, .f16, .bf16, .q4_0, .q4_1, .q8_0].contains(format) {
            #expect(Array(got) == expected)
        } else {
            // Scales, and offsets beside them, are rounded to f16.
            let largest = expected.map(abs).max() ?? 0
            #expect(zip(got, expected).allSatisfy { abs($0 - $1) <= largest / 500 })
        }
        #expect(backend.weightBytes > 0)
    }

    @Test func `a format without values is refused by name`() throws {
        let source = RandomWeights.source(.i32, rows: 1, cols: 32, seed: 1)
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: 1))
        #expect(throws: BackendError.formatUnsupported(.i32)) { try backend.makeMatrix(source) }
        #expect(throws: BackendError.formatUnsupported(.i32)) { try backend.makeTable(source) }
    }

    private static func normalized(_ x: [Float]) -> [Float] {
        let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(x.count)
        return x.map { Float(Double($0) / (mean + 1e-5).squareRoot()) }
    }

    private static func dequantized(_ source: WeightSource) -> [[Float]] {
        let stride = source.format.bytes(of: source.cols)
        return (0..<source.rows).map { row in
            [Float](unsafeUninitializedCapacity: source.cols) { buffer, count in
                _ = dequantize_row(
                    source.format.rawValue, source.bytes.baseAddress! + row * stride, buffer.baseAddress!,
                    Int64(source.cols))
                count = source.cols
            }
        }
    }
}
