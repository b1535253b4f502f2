// PackedMatrixTests.swift: packed weights times activations against dequantized weights in doubles.
import Core
import Kernels
import Testing

@testable import Compute

struct PackedMatrixTests {
    static let formats: [ElementFormat] = [
        .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_nl, .iq4_xs, .mxfp4,
    ]

    @Test(arguments: formats, ComputeMode.allCases)
    func `a packed matrix multiplies as its dequantized values do`(
        format: ElementFormat, mode: ComputeMode
    ) throws {
        let rows = 21, cols = 512
        let source = Self.randomSource(format, rows: rows, cols: cols, seed: UInt64(format.rawValue) + 7)
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
        Self.run(backend, tokens)
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

    @Test(arguments: formats, ComputeMode.allCases)
    func `a matrix that serves as a table has the rows of its source`(format: ElementFormat, mode: ComputeMode) throws {
        let rows = 21, cols = 512
        let source = Self.randomSource(format, rows: rows, cols: cols, seed: UInt64(format.rawValue) + 3)
        let backend = CPUBackend(mode: mode, team: try WorkerTeam(count: 1))
        let output = try backend.makeBuffer(width: cols, rows: rows, isContiguous: true)
        let table = backend.makeTable(of: try backend.makeMatrix(source))
        try backend.compile([.embed(table, scale: 1, into: output)])
        Self.run(backend, (0..<Int32(rows)).map { $0 })
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
        let source = Self.randomSource(.i32, rows: 1, cols: 32, seed: 1)
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: 1))
        #expect(throws: BackendError.formatUnsupported(.i32)) { try backend.makeMatrix(source) }
        #expect(throws: BackendError.formatUnsupported(.i32)) { try backend.makeTable(source) }
    }

    private static func run(_ backend: CPUBackend, _ tokens: [Int32]) {
        let positions = tokens.indices.map { Int32($0) }
        tokens.withUnsafeBufferPointer { tokens in
            positions.withUnsafeBufferPointer { positions in
                var rows = StepRows()
                rows.rows = Int32(tokens.count)
                rows.tokens = tokens.baseAddress
                rows.positions = positions.baseAddress
                backend.run(&rows)
            }
        }
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

    private final class Memory {
        let bytes: UnsafeMutableRawBufferPointer
        init(_ count: Int) { bytes = .allocate(byteCount: count, alignment: 16) }
        deinit { bytes.deallocate() }
    }

    /// Random blocks whose scales are moderate: every 16-bit pair that may be a scale is made one.
    private static func randomSource(_ format: ElementFormat, rows: Int, cols: Int, seed: UInt64) -> WeightSource {
        var state = seed
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let memory = Memory(rows * format.bytes(of: cols))
        for index in memory.bytes.indices { memory.bytes[index] = UInt8(truncatingIfNeeded: random()) }
        let scalePlaces: [Int] = switch format {
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        case .mxfp4: []
        default: [0]
        }
        for block in stride(from: 0, to: memory.bytes.count, by: format.blockBytes) {
            switch format {
            case .f32: memory.bytes.storeBytes(of: Float(Int(random() % 2000)) / 1000 - 1, toByteOffset: block, as: Float.self)
            case .bf16: memory.bytes.storeBytes(of: UInt16(0x3e00 + random() % 0x200), toByteOffset: block, as: UInt16.self)
            case .mxfp4: memory.bytes[block] = UInt8(118 + random() % 8)
            default:
                for place in scalePlaces {
                    memory.bytes.storeBytes(
                        of: UInt16(0x2400 + random() % 0x800), toByteOffset: block + place, as: UInt16.self)
                }
            }
        }
        return WeightSource(
            format: format, rows: rows, cols: cols, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}
