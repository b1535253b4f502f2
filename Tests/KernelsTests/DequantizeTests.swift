// DequantizeTests.swift: block formats against reference values and against their definitions.

import Foundation
import Kernels
import Testing

@Suite struct DequantizeTests {
    /// ElementFormat's raw values of the block formats, by the names that the reference file uses.
    static let formats: [(name: String, number: Int32)] = [
        ("Q4_0", 2), ("Q4_1", 3), ("Q5_0", 6), ("Q5_1", 7), ("Q8_0", 8), ("Q2_K", 10), ("Q3_K", 11),
        ("Q4_K", 12), ("Q5_K", 13), ("Q6_K", 14), ("IQ4_NL", 20), ("IQ4_XS", 23), ("MXFP4", 39),
    ]

    struct View {
        var quants: [UInt8]
        var scales: [Float]
        var offsets: [Float]

        init(format: Int32, blocks: [UInt8]) {
            let shape = integer_view_shape(format)
            let elements = blocks.count / Int(shape.block_bytes) * Int(shape.block_elements)
            quants = [UInt8](repeating: 0, count: elements)
            scales = [Float](repeating: .nan, count: elements / Int(shape.group_elements))
            offsets = scales
            let answer = integer_view(format, blocks, Int64(elements), &quants, &scales, &offsets)
            precondition(answer == 1, "format \(format) has no integer view")
        }
    }

    func dequantized(_ format: Int32, _ blocks: [UInt8], count: Int) -> [Float]? {
        var values = [Float](repeating: 0, count: count)
        return dequantize_row(format, blocks, &values, Int64(count)) == 1 ? values : nil
    }

    /// Random blocks whose half-precision scales are ordinary numbers.
    static func blocks(of format: Int32, count: Int, seed: UInt64) -> [UInt8] {
        let shape = integer_view_shape(format)
        let scalePlaces: [Int32: [Int]] = [
            2: [0], 3: [0, 2], 6: [0], 7: [0, 2], 8: [0], 10: [80, 82], 11: [108], 12: [0, 2],
            13: [0, 2], 14: [208], 20: [0], 23: [0], 39: [],
        ]
        var state = seed
        var bytes: [UInt8] = []
        for _ in 0..<(count * Int(shape.block_bytes)) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes.append(UInt8(truncatingIfNeeded: state >> 33))
        }
        for block in 0..<count {
            let start = block * Int(shape.block_bytes)
            // Exponents 8...15 of 31, either sign.
            for place in scalePlaces[format]! {
                bytes[start + place + 1] = bytes[start + place + 1] & 0x9f | 0x20
            }
            if format == 39 { bytes[start] = 100 + bytes[start] % 50 }
        }
        return bytes
    }

    @Test func `every block format equals the reference values bit for bit`() throws {
        guard let path = DequantizeConformance.path("oracle/gguf_llama/dequant.safetensors") else {
            return
        }
        let file = try ReferenceTensors(path: path)
        for (name, number) in Self.formats {
            let blocks = file.bytes("\(name).raw")
            let expected = file.floats("\(name).values")
            let values = try #require(dequantized(number, blocks, count: expected.count))
            #expect(values.map(\.bitPattern) == expected.map(\.bitPattern), "\(name)")
        }
        print("conformance dequantize: \(Self.formats.count) formats passed, 0 failed")
    }

    @Test func `integer views give the reference values`() throws {
        guard let path = DequantizeConformance.path("oracle/gguf_llama/dequant.safetensors") else {
            return
        }
        let file = try ReferenceTensors(path: path)
        for (name, number) in Self.formats {
            let expected = file.floats("\(name).values")
            expectView(
                View(format: number, blocks: file.bytes("\(name).raw")), of: number, gives: expected
            )
        }
        print("conformance integer views: \(Self.formats.count) formats passed, 0 failed")
    }

    /// Compares in double precision, where the sum of the view is exact.
    private func expectView(_ view: View, of format: Int32, gives expected: [Float]) {
        let shape = integer_view_shape(format)
        for (index, value) in expected.enumerated() {
            let group = index / Int(shape.group_elements)
            let scale = view.scales[group]
            let sum = Double(scale) * Double(view.quants[index]) + Double(view.offsets[group])
            // The reference rounds its product and its difference once each.
            let bound =
                Double(abs(scale)) * Double(shape.quant_max) + Double(abs(view.offsets[group]))
            guard abs(sum - Double(value)) <= bound * 0x1p-23 else {
                Issue.record("format \(format), element \(index): \(sum) is not \(value)")
                return
            }
        }
    }

    @Test(arguments: formats.map(\.number)) func `values follow from the definition`(format: Int32)
        throws
    {
        let blocks = Self.blocks(of: format, count: 9, seed: UInt64(format) &* 77 &+ 1)
        let expected = BlockDefinition.values(format: format, blocks: blocks)
        let values = try #require(dequantized(format, blocks, count: expected.count))
        #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
        expectView(View(format: format, blocks: blocks), of: format, gives: expected)
    }

    @Test(arguments: formats.map(\.number)) func `quants stay within the stated maximum`(
        format: Int32
    ) {
        let shape = integer_view_shape(format)
        let blocks = (0..<(200 * Int(shape.block_bytes))).map {
            UInt8(truncatingIfNeeded: $0 &* 167 >> 2)
        }
        let view = View(format: format, blocks: blocks)
        #expect(view.quants.allSatisfy { Int32($0) <= shape.quant_max })
        #expect(shape.group_elements == 16 || shape.group_elements == 32)
        #expect(shape.block_elements % shape.group_elements == 0)
    }

    @Test(arguments: formats.map(\.number)) func `an offset without freedom is the zero point`(
        format: Int32
    ) {
        let shape = integer_view_shape(format)
        let view = View(format: format, blocks: Self.blocks(of: format, count: 5, seed: 3))
        guard shape.has_offset == 0 else {
            #expect(shape.zero_point == 0)
            return
        }
        for (scale, offset) in zip(view.scales, view.offsets) {
            #expect(offset == -Float(shape.zero_point) * scale)
        }
    }

    @Test func `half precision is exact for every bit pattern`() throws {
        let halves = (0...UInt16.max).map { $0 }
        let bytes = halves.flatMap {
            [UInt8(truncatingIfNeeded: $0), UInt8(truncatingIfNeeded: $0 >> 8)]
        }
        let values = try #require(dequantized(1, bytes, count: halves.count))
        for (half, value) in zip(halves, values) {
            let expected = BlockDefinition.half(half)
            guard value.bitPattern == expected.bitPattern || (value.isNaN && expected.isNaN) else {
                Issue.record("half \(half) became \(value)")
                return
            }
        }
    }

    @Test func `bfloat16 and float are taken bit for bit`() {
        #expect(dequantized(30, [0x80, 0x3f, 0x01, 0xc0], count: 2) == [1, -2.015625])
        #expect(dequantized(0, [0, 0, 128, 63, 0, 0, 0, 192], count: 2) == [1, -2])
    }

    @Test(arguments: [-1, 4, 5, 9, 15, 16, 24, 31, 40, 1000, .max, .min] as [Int32])
    func `an unknown format writes nothing`(format: Int32) {
        var values: [Float] = [7]
        #expect(dequantize_row(format, [UInt8](repeating: 0, count: 4), &values, 1) == 0)
        #expect(values == [7])
        #expect(integer_view_shape(format).group_elements == 0)
        var quants: [UInt8] = [9]
        var scales: [Float] = [7]
        var offsets: [Float] = [7]
        #expect(integer_view(format, [0, 0], 1, &quants, &scales, &offsets) == 0)
        #expect(quants == [9])
    }

    @Test(arguments: [1, 31, 33, -32] as [Int64])
    func `elements that do not fill blocks are refused`(count: Int64) {
        var values = [Float](repeating: 7, count: 64)
        #expect(dequantize_row(2, [UInt8](repeating: 1, count: 36), &values, count) == 0)
        #expect(values.allSatisfy { $0 == 7 })
    }
}
