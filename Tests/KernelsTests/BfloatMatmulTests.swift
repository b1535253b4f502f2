// BfloatMatmulTests.swift: the contract of bf16 weights, whose steps round and flush as VDPBF16PS does.
import Foundation
import Kernels
import Material
import Testing

/// A bf16 matrix, packed from rows as a file stores them.
private final class PackedBfloats {
    let record: packed_matrix
    let weights: [[UInt16]]
    private let memory: UnsafeMutableRawPointer

    init(_ weights: [[UInt16]]) {
        self.weights = weights
        let flat = weights.flatMap { $0 }, rows = Int32(weights.count), cols = Int32(weights[0].count)
        let memory = flat.withUnsafeBytes { raw in
            var source = pack_source(
                blocks: raw.baseAddress!.assumingMemoryBound(to: UInt8.self), format: 30, rows: rows, cols: cols,
                row_bytes: 2 * Int(cols))
            var plan = packed_matrix()
            _ = pack_plan(&source, 0, &plan)
            let bytes = Int(panel_count(rows)) * panel_bytes(plan.layout, 0, cols)
            let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 64)
            plan.data = UnsafePointer(memory.assumingMemoryBound(to: UInt8.self))
            for panel in 0..<panel_count(rows) { pack_panel(&source, &plan, panel, 1) }
            return (memory, plan)
        }
        (self.memory, record) = memory
    }

    deinit { memory.deallocate() }

    func unpack(_ row: Int, into values: inout [Float]) {
        withUnsafePointer(to: record) { unpack_row($0, Int32(row), &values) }
    }

    func product(_ set: KernelSet, _ x: [Float], addedTo sums: [Float]) -> [Float] {
        Products.of(set.table, record, x, count: sums.count / weights.count, addedTo: sums)
    }

    /// The sum over columns of (weight, activation), in their order.
    static func product(_ set: KernelSet, _ columns: [(Float, Float)]) -> Float {
        PackedBfloats([columns.map { UInt16($0.0.bitPattern >> 16) }])
            .product(set, columns.map(\.1), addedTo: [-0.0])[0]
    }
}

struct BfloatMatmulTests {
    private static func power(_ exponent: Int) -> Float { Float(sign: .plus, exponent: exponent, significand: 1) }

    private static func float(_ bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    @Test func `packed pairs hold what the file holds`() {
        var generator = SeededNumbers(seed: 1)
        let weights = (0..<21).map { _ in (0..<37).map { _ in UInt16.random(in: 0...UInt16.max, using: &generator) } }
        let packed = PackedBfloats(weights)
        #expect(packed.record.layout == Int32(LAYOUT_BF16.rawValue))
        for (index, row) in weights.enumerated() {
            var values = [Float](repeating: 0, count: 37)
            packed.unpack(index, into: &values)
            #expect(values.map(\.bitPattern) == row.map { UInt32($0) << 16 })
        }
    }

    /// The bound: each of the steps rounds by at most 2^-24 of a sum no greater than that of magnitudes.
    @Test(arguments: KernelSet.all, [1, 36, 37, 500])
    func `products are those of doubles within the rounding of their steps`(set: KernelSet, cols: Int) {
        var generator = SeededNumbers(seed: cols)
        func bits(_ count: Int) -> [UInt16] {
            (0..<count).map { UInt16.random(in: 0x3c00...0x4000, using: &generator) | UInt16($0 * 7 % 2) << 15 }
        }
        let matrix = PackedBfloats((0..<19).map { _ in bits(cols) }), x = bits(cols).map(Self.float)
        let products = matrix.product(set, x, addedTo: [Float](repeating: 0, count: matrix.weights.count))
        for (row, got) in zip(matrix.weights, products) {
            let terms = zip(row, x).map { Double(Self.float($0.0)) * Double($0.1) }
            let error = abs(Double(got) - terms.reduce(0, +))
            #expect(error <= Double(cols) * 0x1p-24 * terms.reduce(0) { $0 + abs($1) })
        }
    }

    @Test(arguments: KernelSet.all)
    func `the odd column of a pair comes first`(set: KernelSet) {
        let large = Self.power(24)
        #expect(PackedBfloats.product(set, [(large, 1), (1, 1), (1, 1), (-large, 1)]) == 1)
    }

    @Test(arguments: KernelSet.all)
    func `denormal inputs count as zeros, and denormal sums become zeros of their sign`(set: KernelSet) {
        let denormal = Self.power(-127), least = Self.power(-126)
        func bits(_ columns: [(Float, Float)]) -> UInt32 { PackedBfloats.product(set, columns).bitPattern }
        #expect(bits([(denormal, Self.power(100))]) == 0)
        #expect(bits([(Self.power(100), -denormal)]) == 0)
        #expect(bits([(least, 0.5)]) == 0)
        #expect(bits([(least, -0.5)]) == 0x8000_0000)
        #expect(bits([(least, 1)]) == least.bitPattern)
    }

    @Test(arguments: KernelSet.all)
    func `a product too small by itself counts in a sum that is not`(set: KernelSet) {
        let sum = PackedBfloats.product(set, [(Self.power(-100), Self.power(-40)), (Self.power(-125), 1)])
        #expect(sum == Self.power(-125) + Self.power(-140))
    }

    @Test(arguments: KernelSet.all)
    func `a sum is denormal or not as it is with 24 bits`(set: KernelSet) {
        let least = (Self.power(-126), Float(1))
        let below = PackedBfloats.product(set, [(-Self.power(-75), Self.power(-75)), least])
        #expect(below == 0)
        let halfway = PackedBfloats.product(set, [(-Self.power(-75), Self.power(-76)), least])
        #expect(halfway == Self.power(-126))
    }

    @Test(arguments: KernelSet.all)
    func `infinities and numbers that are none stay`(set: KernelSet) {
        let greatest = Self.float(0x7f7f)
        #expect(PackedBfloats.product(set, [(.infinity, 1), (1, 1)]) == .infinity)
        #expect(PackedBfloats.product(set, [(greatest, -greatest), (1, 1)]) == -.infinity)
        #expect(PackedBfloats.product(set, [(.infinity, 0), (1, 1)]).isNaN)
        #expect(PackedBfloats.product(set, [(1, .nan), (1, 1)]).isNaN)
        #expect(PackedBfloats.product(set, [(1, .greatestFiniteMagnitude), (1, 1)]) == .infinity)
    }

    @Test(arguments: KernelSet.all)
    func `what products are added to keeps its denormals`(set: KernelSet) {
        let matrix = PackedBfloats([[0x3f80], [0], [0x0080]])
        let sums = [Float.leastNonzeroMagnitude, -Self.power(-130), Self.power(-127)]
        let result = matrix.product(set, [0.5], addedTo: sums)
        #expect(result == [0.5, -Self.power(-130), Self.power(-127)])
    }

    @Test(arguments: 1...40)
    func `every table keeps the bits of the portable one over any numbers`(seed: Int) {
        var generator = SeededNumbers(seed: seed)
        let rows = generator.integer(1...40), cols = generator.integer(1...9), count = generator.integer(1...13)
        let matrix = PackedBfloats((0..<rows).map { _ in Self.edges(cols, &generator) })
        let x = (0..<count).flatMap { _ in Self.edges(cols, &generator).map(Self.float) }
        let sums = generator.anyBits(count * rows)
        let expected = matrix.product(.portable, x, addedTo: sums)
        for set in KernelSet.twins {
            let result = matrix.product(set, x, addedTo: sums)
            #expect(sameBits(result, expected), "\(set.name), seed \(seed), \(rows) x \(cols) x \(count)")
        }
    }

    /// Numbers whose products meet at the least normal one, among others; few are none.
    private static func edges(_ count: Int, _ generator: inout SeededNumbers) -> [UInt16] {
        let special: [UInt16] = [0, 0x8000, 1, 0x8001, 0x7f, 0x80, 0x8080, 0x3f80, 0xbf80, 0x7f7f, 0x7f80, 0xff80, 0x7fc0]
        return (0..<count).map { _ in
            switch generator.integer(0...9) {
            case 0: special[generator.integer(0...(generator.integer(0...3) == 0 ? 12 : 9))]
            case 1...3: UInt16(generator.integer(0x1800...0x2200)) | UInt16(generator.integer(0...1)) << 15
            case 4...6: UInt16(generator.integer(0x60...0x140)) | UInt16(generator.integer(0...1)) << 15
            default: UInt16(generator.integer(0x3e80...0x4080)) | UInt16(generator.integer(0...1)) << 15
            }
        }
    }

    @Test(arguments: [1, 2, 31, 37, 64])
    func `every table rounds a row to the same bytes, and a zero follows an odd one`(cols: Int) {
        var generator = SeededNumbers(seed: cols)
        let x = generator.anyBits(cols)
        let expected = Products.rounded(KernelSet.portable.table, x)
        for set in KernelSet.twins { #expect(Products.rounded(set.table, x) == expected, "\(set.name)") }
        expected.withUnsafeBytes { raw in
            let view = rounded_row_view(raw.baseAddress, Int32(cols))
            for column in 0..<even_columns(Int32(cols)) {
                #expect(view.values[column].bitPattern == UInt32(view.pairs[column]) << 16)
            }
            if cols % 2 == 1 { #expect(view.pairs[cols] == 0) }
        }
    }

    @Test func `a row may be rounded in parts`() {
        var generator = SeededNumbers(seed: 8)
        let x = generator.floats(37)
        for set in KernelSet.all {
            var row = [UInt8](repeating: 0xff, count: rounded_row_bytes(37))
            row.withUnsafeMutableBytes {
                round_row(set.table.pointee.rows, $0.baseAddress, x, 37, 16, 37)
                round_row(set.table.pointee.rows, $0.baseAddress, x, 37, 0, 16)
            }
            #expect(row.prefix(38 * 6) == Products.rounded(set.table, x).prefix(38 * 6))
        }
    }
}
