// MatmulTests.swift: every table's products against the portable ones, bit for bit, and those against doubles.
import Foundation
import Kernels
import Material
import Testing

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
        Shape(layout: Int32(LAYOUT_T4_G32.rawValue), quantMaximum: 24, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_T4_G32.rawValue), quantMaximum: 241, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 31, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 31, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 255, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G32.rawValue), quantMaximum: 255, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 63, hasOffsets: false),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 63, hasOffsets: true),
        Shape(layout: Int32(LAYOUT_U8_G16.rawValue), quantMaximum: 255, hasOffsets: false),
    ]

    /// Of one tile of rows, of several, and of tiles that take several panels.
    static let rowCounts = Array(1...13) + [16, 17, 23, 26, 37, 49]

    @Test(arguments: shapes, rowCounts)
    func `every table multiplies to the same bits as the portable one`(shape: Shape, count: Int) {
        var generator = SeededNumbers(seed: count)
        // A single row takes several panels at once: seven of them, the last one not full.
        let rows = count == 1 ? 107 : Int.random(in: 1...(count > 16 ? 130 : 50), using: &generator)
        let cols = layout_is_float(shape.layout) != 0
            ? Int.random(in: 1...230, using: &generator) : 32 * Int.random(in: 1...7, using: &generator)
        let matrix = RandomMatrix(
            layout: shape.layout, rows: rows, cols: cols, quantMaximum: shape.quantMaximum,
            hasOffsets: shape.hasOffsets, using: &generator)
        defer { matrix.memory.deallocate() }
        let x = (0..<count * cols).map { _ in Float.random(in: -3...3, using: &generator) }
        let expected = Products.of(KernelSet.portable.table, matrix.record, x, count: count)
        for table in KernelSet.twins.map(\.table) {
            let result = Products.of(table, matrix.record, x, count: count)
            #expect(
                result.map(\.bitPattern) == expected.map(\.bitPattern),
                "\(String(cString: table.pointee.name)), \(rows) x \(cols) x \(count)")
        }
    }

    /// - cols: a panel of several parts, the last one shorter, and one that is too wide for the stack.
    @Test(arguments: shapes.filter { layout_is_float($0.layout) == 0 }, [1_504, 10_240])
    func `panels too wide to be prepared at once make no difference`(shape: Shape, cols: Int) {
        var generator = SeededNumbers(seed: 31)
        let matrix = RandomMatrix(
            layout: shape.layout, rows: 53, cols: cols, quantMaximum: shape.quantMaximum,
            hasOffsets: shape.hasOffsets, using: &generator)
        defer { matrix.memory.deallocate() }
        for count in cols < 10_000 ? [11, 26, Int(PRODUCT_ROWS_MAX)] : [11, 26] {
            let x = (0..<count * cols).map { _ in Float.random(in: -3...3, using: &generator) }
            let expected = Products.of(KernelSet.portable.table, matrix.record, x, count: count).map(\.bitPattern)
            for table in KernelSet.twins.map(\.table) {
                #expect(Products.of(table, matrix.record, x, count: count).map(\.bitPattern) == expected)
            }
        }
    }

    /// More columns than the scratch has room for.
    @Test func `a panel too wide for crossed products is multiplied straight`() {
        var generator = SeededNumbers(seed: 33)
        let cols = 32_800, count = 26
        let matrix = RandomMatrix(
            layout: Int32(LAYOUT_U4_G32.rawValue), rows: 17, cols: cols, quantMaximum: 15, hasOffsets: true,
            using: &generator)
        defer { matrix.memory.deallocate() }
        let x = (0..<count * cols).map { _ in Float.random(in: -3...3, using: &generator) }
        let expected = Products.of(KernelSet.portable.table, matrix.record, x, count: count).map(\.bitPattern)
        for table in KernelSet.twins.map(\.table) {
            #expect(Products.of(table, matrix.record, x, count: count).map(\.bitPattern) == expected)
        }
    }

    /// - count: more than one tile of every table, whether a tile takes one panel or several.
    @Test(arguments: [24, 64])
    func `a list to fetch is walked to its end and no further, and changes no bits`(count: Int) {
        var generator = SeededNumbers(seed: 21)
        let matrix = RandomMatrix(
            layout: Int32(LAYOUT_U4_G32.rawValue), rows: 96, cols: 320, quantMaximum: 15, hasOffsets: true,
            using: &generator)
        defer { matrix.memory.deallocate() }
        let x = (0..<count * 320).map { _ in Float.random(in: -3...3, using: &generator) }
        let pieces = [UnsafePointer<UInt8>?](repeating: matrix.record.data, count: 3)
        for table in KernelSet.twins.map(\.table) {
            let expected = Products.of(table, matrix.record, x, count: count)
            pieces.withUnsafeBufferPointer { pieces in
                var list = fetch_list()
                list.pieces = pieces.baseAddress
                list.piece_bytes = 500
                list.count = 3
                let result = Products.of(table, matrix.record, x, count: count, meanwhile: &list)
                #expect(result.map(\.bitPattern) == expected.map(\.bitPattern))
                #expect(list.next == 3 && list.at >= list.end && list.at < list.end + Int(FETCH_BYTES))
            }
        }
    }

    /// - moved: the zero point lies far from the middle, as in no format.
    @Test(arguments: [false, true])
    func `extreme quants and activations do not overflow`(moved: Bool) {
        for shape in Self.shapes where layout_is_float(shape.layout) == 0 && !(moved && shape.hasOffsets) {
            var generator = SeededNumbers(seed: 9)
            let matrix = RandomMatrix(
                layout: shape.layout, rows: 16, cols: 64, quantMaximum: shape.quantMaximum,
                hasOffsets: shape.hasOffsets, using: &generator)
            defer { matrix.memory.deallocate() }
            var record = matrix.record
            if moved { record.zero = 1 }
            let isNibble = layout_bits(shape.layout) == 4
            // The least and the greatest quant, and in tables their numbers.
            let extremes: [UInt8] = record.table == nil ? [0, UInt8(shape.quantMaximum)] : [0, 7, 15]
            let block = panel_block_bytes(shape.layout, shape.hasOffsets ? 1 : 0)
            for quant in extremes {
                let byte = isNibble ? quant | quant << 4 : quant
                for start in stride(from: 0, to: 2 * block, by: block) {
                    memset(matrix.memory + start, Int32(byte), isNibble ? 256 : 512)
                }
                // Of both halves of a block, which some tables multiply with each other's weights.
                for (value, other) in [(Float(1), Float(1)), (-1, -1), (1, -1), (-1, 1)] {
                    for count in [1, 26] {
                        let x = (0..<64 * count).map { $0 % 32 < 16 ? value : other }
                        let expected = Products.of(KernelSet.portable.table, record, x, count: count)
                        for table in KernelSet.twins.map(\.table) {
                            #expect(Products.of(table, record, x, count: count) == expected)
                        }
                    }
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
        let expected = Products.quantized(KernelSet.portable.table, x)
        for table in KernelSet.twins.map(\.table) { #expect(Products.quantized(table, x) == expected) }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func `a number that is none makes its block's scale none, and no other's`(value: Float) {
        for table in KernelSet.all.map(\.table) {
            var row = Products.quantized(table, (0..<96).map { $0 == 40 ? value : Float($0) })
            row.withUnsafeMutableBytes { raw in
                let blocks = raw.bindMemory(to: activation_block.self)
                #expect(blocks.map(\.scales.0.isNaN) == [false, true, false])
                #expect(blocks[1].scaled32.0.isNaN && blocks[1].pairs32.0 == (0, 0))
                #expect(Self.quants(blocks[1]).allSatisfy { $0 == 0 })
            }
        }
    }

    @Test func `a quantized row is within half a step of the values`() {
        var generator = SeededNumbers(seed: 6)
        let x = (0..<96).map { _ in Float.random(in: -5...5, using: &generator) }
        var row = Products.quantized(KernelSet.portable.table, x)
        row.withUnsafeMutableBytes { raw in
            for (index, block) in raw.bindMemory(to: activation_block.self).enumerated() {
                let quants = Self.quants(block)
                for (quant, value) in zip(quants, x[32 * index..<32 * index + 32]) {
                    #expect(abs(Float(quant) * block.scales.0 - value) <= 0.5001 * block.scales.0)
                }
                func sum(_ columns: Range<Int>, _ pair: Int) -> Int16 {
                    columns.filter { $0 % 4 / 2 == pair }.reduce(0) { $0 + Int16(quants[$1]) }
                }
                #expect(block.pairs32.0 == (sum(0..<32, 0), sum(0..<32, 1)))
                #expect(block.pairs16.0.0 == (sum(0..<16, 0), sum(0..<16, 1)))
                #expect(block.pairs16.1.0 == (sum(16..<32, 0), sum(16..<32, 1)))
                let halves = zip(quants[..<16].map(Int32.init), quants[16...].map(Int32.init))
                #expect(block.crossed.0 == halves.reduce(0) { $0 + $1.0 * $1.1 - 8 * $1.0 + 120 * $1.1 })
                let raised = withUnsafeBytes(of: block.raised.0) { Array($0) }
                #expect(raised == quants[..<16].map { UInt8(Int($0) + 120) })
            }
        }
    }

    /// Slot 0 of a block.
    private static func quants(_ block: activation_block) -> [Int8] {
        withUnsafeBytes(of: block.quants.0) { Array($0.bindMemory(to: Int8.self)) }
    }
}
