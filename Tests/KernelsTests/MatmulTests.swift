// MatmulTests.swift: every table's products against the portable ones, bit for bit, and those against doubles.
import Foundation
import Kernels
import Testing

/// A random packed matrix and what its weights mean.
private struct RandomMatrix {
    let record: packed_matrix
    let memory: UnsafeMutableRawPointer

    init(layout: Int32, rows: Int, cols: Int, quantMaximum: Int, hasOffsets: Bool, using generator: inout SeededNumbers) {
        let bytes = Int(panel_count(Int32(rows))) * panel_bytes(layout, hasOffsets ? 1 : 0, Int32(cols))
        memory = .allocate(byteCount: bytes, alignment: 64)
        if layout_is_float(layout) != 0 {
            Self.fillFloats(memory, bytes, layout, &generator)
        } else {
            Self.fillBlocks(memory, bytes, layout, quantMaximum, hasOffsets, &generator)
        }
        record = packed_matrix(
            data: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), layout: layout, rows: Int32(rows),
            cols: Int32(cols), zero: hasOffsets ? 0 : Int32((quantMaximum + 1) / 2),
            quant_maximum: Int32(quantMaximum), has_offsets: hasOffsets ? 1 : 0, output_scale: 0.25)
    }

    private static func fillFloats(
        _ memory: UnsafeMutableRawPointer, _ bytes: Int, _ layout: Int32, _ generator: inout SeededNumbers
    ) {
        if layout == Int32(LAYOUT_F32.rawValue) {
            for index in 0..<bytes / 4 {
                memory.storeBytes(of: Float.random(in: -1...1, using: &generator), toByteOffset: 4 * index, as: Float.self)
            }
            return
        }
        // 0x3000 ... 0x3bff: moderate numbers as f16 and as bf16, either sign.
        for index in 0..<bytes / 2 {
            let bits = UInt16.random(in: 0x3000...0x3bff, using: &generator) | UInt16(index % 2) << 15
            memory.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
        }
    }

    private static func fillBlocks(
        _ memory: UnsafeMutableRawPointer, _ bytes: Int, _ layout: Int32, _ quantMaximum: Int, _ hasOffsets: Bool,
        _ generator: inout SeededNumbers
    ) {
        let isNibble = layout <= Int32(LAYOUT_U4_G16.rawValue)
        let block = panel_block_bytes(layout, hasOffsets ? 1 : 0), quants = isNibble ? 256 : 512
        for start in stride(from: 0, to: bytes, by: block) {
            for index in 0..<quants {
                let low = UInt8.random(in: 0...UInt8(quantMaximum), using: &generator)
                let high = isNibble ? UInt8.random(in: 0...UInt8(quantMaximum), using: &generator) << 4 : 0
                memory.storeBytes(of: low | high, toByteOffset: start + index, as: UInt8.self)
            }
            for index in stride(from: quants, to: block, by: 2) {
                let bits = UInt16.random(in: 0x2000...0x3400, using: &generator) | UInt16.random(in: 0...1, using: &generator) << 15
                memory.storeBytes(of: bits, toByteOffset: start + index, as: UInt16.self)
            }
        }
    }
}

struct MatmulTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let layout: Int32
        let quantMaximum: Int
        let hasOffsets: Bool
        var testDescription: String { "layout \(layout), quants to \(quantMaximum), offsets \(hasOffsets)" }
    }

    static let shapes: [Shape] = [
        Shape(layout: Int32(LAYOUT_F32.rawValue), quantMaximum: 0, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_F16.rawValue), quantMaximum: 0, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_BF16.rawValue), quantMaximum: 0, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U4_G32.rawValue), quantMaximum: 15, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U4_G32.rawValue), quantMaximum: 15, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U4_G16.rawValue), quantMaximum: 7, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U4_G16.rawValue), quantMaximum: 15, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 31, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 31, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 255, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 255, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 63, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 63, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 255, hasOffsets: false),
    ]

    @Test(arguments: shapes, [1, 2, 3])
    func `every table multiplies to the same bits as the portable one`(shape: Shape, seed: Int) {
        var generator = SeededNumbers(seed: seed)
        let rows = Int.random(in: 1...50, using: &generator), cols = 32 * Int.random(in: 1...7, using: &generator)
        let count = Int.random(in: 1...13, using: &generator)
        let matrix = RandomMatrix(
            layout: shape.layout, rows: rows, cols: cols, quantMaximum: shape.quantMaximum,
            hasOffsets: shape.hasOffsets, using: &generator)
        defer { matrix.memory.deallocate() }
        let x = (0..<count * cols).map { _ in Float.random(in: -3...3, using: &generator) }
        let expected = Self.product(KernelSet.portable.table, matrix.record, x, count: count)
        for table in KernelSet.twins.map(\.table) {
            let result = Self.product(table, matrix.record, x, count: count)
            #expect(
                result.map(\.bitPattern) == expected.map(\.bitPattern),
                "\(String(cString: table.pointee.name)), seed \(seed), \(rows) x \(cols) x \(count)")
        }
    }

    @Test func `extreme quants and activations do not overflow`() {
        for shape in Self.shapes where layout_is_float(shape.layout) == 0 {
            var generator = SeededNumbers(seed: 9)
            let matrix = RandomMatrix(
                layout: shape.layout, rows: 16, cols: 64, quantMaximum: shape.quantMaximum,
                hasOffsets: shape.hasOffsets, using: &generator)
            defer { matrix.memory.deallocate() }
            let isNibble = shape.layout <= Int32(LAYOUT_U4_G16.rawValue)
            let block = panel_block_bytes(shape.layout, shape.hasOffsets ? 1 : 0)
            let top = UInt8(shape.quantMaximum) | (isNibble ? UInt8(shape.quantMaximum) << 4 : 0)
            for start in stride(from: 0, to: 2 * block, by: block) {
                memset(matrix.memory + start, Int32(top), isNibble ? 256 : 512)
            }
            for value in [Float(1), -1] {
                let x = [Float](repeating: value, count: 64)
                let expected = Self.product(KernelSet.portable.table, matrix.record, x, count: 1)
                for table in KernelSet.twins.map(\.table) {
                    #expect(Self.product(table, matrix.record, x, count: 1) == expected)
                }
            }
        }
    }

    @Test(arguments: [4, 5])
    func `every table quantizes activations to the same bytes`(seed: Int) {
        var generator = SeededNumbers(seed: seed)
        let cols = 160
        var x = (0..<cols).map { _ in Float.random(in: -2...2, using: &generator) }
        for index in 32..<64 { x[index] = 0 }
        x[70] = .infinity
        x[100] = -.nan
        for index in 128..<160 { x[index] *= 1e-37 }
        let expected = Self.quantized(KernelSet.portable.table, x)
        for table in KernelSet.twins.map(\.table) { #expect(Self.quantized(table, x) == expected) }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `a number that is none makes its block's scale none, and no other's`(value: Float) {
        for table in KernelSet.all.map(\.table) {
            var row = Self.quantized(table, (0..<96).map { $0 == 40 ? value : Float($0) })
            row.withUnsafeMutableBytes { raw in
                let view = activation_row_view(raw.baseAddress, 96)
                #expect((0..<3).map { view.scales[$0].isNaN } == [false, true, false])
                #expect(view.scaled32[1].isNaN && view.sums32[1] == 0)
                #expect((32..<64).allSatisfy { view.quants[$0] == 0 })
            }
        }
    }

    @Test func `a quantized row is within half a step of the values`() {
        var generator = SeededNumbers(seed: 6)
        let x = (0..<96).map { _ in Float.random(in: -5...5, using: &generator) }
        var row = Self.quantized(KernelSet.portable.table, x)
        row.withUnsafeMutableBytes { raw in
            let view = activation_row_view(raw.baseAddress, 96)
            for index in x.indices {
                let back = Float(view.quants[index]) * view.scales[index / 32]
                #expect(abs(back - x[index]) <= 0.5001 * view.scales[index / 32])
            }
            for block in 0..<3 {
                let sum = (0..<32).reduce(0) { $0 + Int32(view.quants[32 * block + $1]) }
                #expect(view.sums32[block] == sum)
                #expect(view.sums16[2 * block] + view.sums16[2 * block + 1] == sum)
            }
        }
    }

    private static func quantized(_ table: UnsafePointer<kernel_table>, _ x: [Float]) -> [UInt8] {
        var row = [UInt8](repeating: 0, count: activation_row_bytes(Int32(x.count)))
        row.withUnsafeMutableBytes {
            table.pointee.matmul.pointee.quantize_row($0.baseAddress, x, Int32(x.count), 0, Int32(x.count))
        }
        return row
    }

    /// All panels, once replacing and once adding.
    private static func product(
        _ table: UnsafePointer<kernel_table>, _ matrix: packed_matrix, _ x: [Float], count: Int
    ) -> [Float] {
        let cols = Int(matrix.cols), rows = Int(matrix.rows)
        let input: [UInt8], stride: Int
        if layout_is_float(matrix.layout) != 0 {
            input = x.withUnsafeBytes { Array($0) }
            stride = 4 * cols
        } else {
            input = (0..<count).flatMap { quantized(table, Array(x[$0 * cols..<($0 + 1) * cols])) }
            stride = activation_row_bytes(matrix.cols)
        }
        var y = [Float](repeating: 0, count: count * rows)
        withUnsafePointer(to: matrix) { matrix in
            for accumulate: Int32 in [0, 1] {
                for panel in 0..<panel_count(matrix.pointee.rows) {
                    let kernel = withUnsafeBytes(of: table.pointee.matmul.pointee.panel) {
                        $0.load(
                            fromByteOffset: Int(matrix.pointee.layout) * MemoryLayout<matmul_panel>.stride,
                            as: matmul_panel.self)
                    }
                    kernel(matrix, panel, input, stride, Int32(count), &y, rows, accumulate)
                }
            }
        }
        return y
    }

    private typealias matmul_panel = @convention(c) (
        UnsafePointer<packed_matrix>?, Int32, UnsafeRawPointer?, Int, Int32, UnsafeMutablePointer<Float>?, Int, Int32
    ) -> Void
}
