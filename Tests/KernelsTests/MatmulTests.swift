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
                let blocks = raw.bindMemory(to: activation_block.self)
                #expect(blocks.map(\.scales.0.isNaN) == [false, true, false])
                #expect(blocks[1].scaled32.0.isNaN && blocks[1].sums32.0 == 0)
                #expect(Self.quants(blocks[1]).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func `a quantized row is within half a step of the values`() {
        var generator = SeededNumbers(seed: 6)
        let x = (0..<96).map { _ in Float.random(in: -5...5, using: &generator) }
        var row = Self.quantized(KernelSet.portable.table, x)
        row.withUnsafeMutableBytes { raw in
            for (index, block) in raw.bindMemory(to: activation_block.self).enumerated() {
                let quants = Self.quants(block)
                for (quant, value) in zip(quants, x[32 * index..<32 * index + 32]) {
                    #expect(abs(Float(quant) * block.scales.0 - value) <= 0.5001 * block.scales.0)
                }
                let sum = quants.reduce(0) { $0 + Int32($1) }
                #expect(block.sums32.0 == sum)
                #expect(block.sums16.0.0 + block.sums16.1.0 == sum)
            }
        }
    }

    /// Slot 0 of a block.
    private static func quants(_ block: activation_block) -> [Int8] {
        withUnsafeBytes(of: block.quants.0) { Array($0.bindMemory(to: Int8.self)) }
    }

    /// `x` as rows of `cols` values, quantized; the caller deallocates.
    private static func quantizedGroups(
        _ table: UnsafePointer<kernel_table>, _ x: [Float], cols: Int
    ) -> UnsafeMutableRawBufferPointer {
        let rows = x.count / cols
        let groups = UnsafeMutableRawBufferPointer.allocate(
            byteCount: activation_rows_bytes(Int32(rows), Int32(cols)), alignment: 64)
        groups.initializeMemory(as: UInt8.self, repeating: 0)
        let first = groups.baseAddress!.assumingMemoryBound(to: UInt8.self)
        for row in 0..<rows {
            table.pointee.matmul.pointee.quantize_row(
                activation_group(first, Int32(row), Int32(cols)), Int32(row % ACTIVATION_SLOTS),
                Array(x[row * cols..<(row + 1) * cols]), 0, Int32(cols))
        }
        return groups
    }

    private static func quantized(_ table: UnsafePointer<kernel_table>, _ x: [Float]) -> [UInt8] {
        let groups = quantizedGroups(table, x, cols: x.count)
        defer { groups.deallocate() }
        return Array(groups)
    }

    /// All panels, once replacing and once adding.
    private static func product(
        _ table: UnsafePointer<kernel_table>, _ matrix: packed_matrix, _ x: [Float], count: Int
    ) -> [Float] {
        let cols = Int(matrix.cols), rows = Int(matrix.rows)
        let isFloat = layout_is_float(matrix.layout) != 0
        let groups = isFloat ? nil : quantizedGroups(table, x, cols: cols)
        defer { groups?.deallocate() }
        let stride = isFloat ? 4 * cols : activation_group_bytes(matrix.cols)
        var y = [Float](repeating: 0, count: count * rows)
        let multiply = panelKernel(table, matrix.layout)
        withUnsafePointer(to: matrix) { matrix in
            x.withUnsafeBytes { floats in
                let input = UnsafeRawPointer(groups?.baseAddress) ?? floats.baseAddress
                for accumulate: Int32 in [0, 1] {
                    for panel in 0..<panel_count(matrix.pointee.rows) {
                        multiply(matrix, panel, input, stride, Int32(count), &y, rows, accumulate)
                    }
                }
            }
        }
        return y
    }

    private static func panelKernel(_ table: UnsafePointer<kernel_table>, _ layout: Int32) -> matmul_panel {
        withUnsafeBytes(of: table.pointee.matmul.pointee.panel) {
            $0.load(fromByteOffset: Int(layout) * MemoryLayout<matmul_panel>.stride, as: matmul_panel.self)
        }
    }

    private typealias matmul_panel = @convention(c) (
        UnsafePointer<packed_matrix>?, Int32, UnsafeRawPointer?, Int, Int32, UnsafeMutablePointer<Float>?, Int, Int32
    ) -> Void
}
