// QuantizeTests.swift: what the encoders write, the decoders read back, within what the format allows.

import Foundation
import Kernels
import Testing

@Suite struct QuantizeTests {
    /// A format's number, and the steps from zero to the greatest magnitude that its quants can count.
    /// With a minimum of their own, steps count the whole range.
    struct Format: Sendable, CustomTestStringConvertible {
        let name: String
        let number: Int32
        let steps: Float
        var testDescription: String { name }
    }

    static let around = [
        Format(name: "Q4_0", number: 2, steps: 8), Format(name: "Q5_0", number: 6, steps: 16),
        Format(name: "Q8_0", number: 8, steps: 127), Format(name: "Q6_K", number: 14, steps: 32),
    ]
    static let between = [
        Format(name: "Q4_1", number: 3, steps: 15), Format(name: "Q5_1", number: 7, steps: 31),
        Format(name: "Q4_K", number: 12, steps: 15), Format(name: "Q5_K", number: 13, steps: 31),
    ]
    static let numbers: [Int32] = [0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 30]

    /// Bell-shaped, as weights are.
    static func weights(count: Int, seed: UInt64, scale: Float = 0.05) -> [Float] {
        var state = seed &+ 1
        func uniform() -> Float {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Float(state >> 40) / Float(1 << 24)
        }
        return (0..<count).map { _ in
            scale * ((0..<12).reduce(Float(0)) { sum, _ in sum + uniform() } - 6)
        }
    }

    static func bytes(of format: Int32, count: Int) -> Int {
        let shape = integer_view_shape(format)
        guard shape.block_elements > 0 else { return count * (format == 0 ? 4 : 2) }
        return count / Int(shape.block_elements) * Int(shape.block_bytes)
    }

    static func encode(_ format: Int32, _ values: [Float]) -> [UInt8] {
        var blocks = [UInt8](repeating: 0xA5, count: bytes(of: format, count: values.count) + 1)
        #expect(quantize_row(format, values, &blocks, Int64(values.count)) == 1)
        #expect(blocks.removeLast() == 0xA5, "wrote behind its blocks")
        return blocks
    }

    static func decode(_ format: Int32, _ blocks: [UInt8], count: Int) -> [Float] {
        var values = [Float](repeating: .nan, count: count)
        #expect(dequantize_row(format, blocks, &values, Int64(count)) == 1)
        return values
    }

    static func roundTrip(_ format: Int32, _ values: [Float]) -> [Float] {
        decode(format, encode(format, values), count: values.count)
    }

    /// Each group of 16 or 32 with its decoded self.
    static func groups(_ format: Int32, _ values: [Float]) -> [(values: ArraySlice<Float>, decoded: ArraySlice<Float>)] {
        let decoded = roundTrip(format, values)
        let size = Int(integer_view_shape(format).group_elements)
        return stride(from: 0, to: values.count, by: size).map {
            (values[$0..<($0 + size)], decoded[$0..<($0 + size)])
        }
    }

    static func rootMeanSquare(_ values: [Float], _ decoded: [Float]) -> Double {
        let squares = zip(values, decoded).reduce(0) { $0 + pow(Double($1.0 - $1.1), 2) }
        return (squares / Double(values.count)).squareRoot()
    }

    @Test(arguments: around) func `no value is off by more than its format's steps allow`(format: Format) {
        for (values, decoded) in Self.groups(format.number, Self.weights(count: 16_384, seed: 1)) {
            // Scales may cut the extremes off by one step, and are rounded: to F16, or to 8 bits in Q6_K.
            let step = values.map(abs).max()! / format.steps
            let bound = format.number == 8 ? step * 0.51 : step * 1.6
            for (value, back) in zip(values, decoded) where abs(value - back) > bound {
                Issue.record("\(value) became \(back); a step is \(step)")
                return
            }
        }
    }

    @Test(arguments: between) func `no value is off by more than its range's steps allow`(format: Format) {
        for (values, decoded) in Self.groups(format.number, Self.weights(count: 16_384, seed: 2)) {
            let step = (max(0, values.max()!) - min(0, values.min()!)) / format.steps
            // The K formats' scales and minimums have 6 bits of the greatest in 8 groups.
            let bound = format.number >= 12 ? step * 2 : step * 1.5
            for (value, back) in zip(values, decoded) where abs(value - back) > bound {
                Issue.record("\(value) became \(back); a step is \(step)")
                return
            }
        }
    }

    /// Rounding to whole steps from extreme to extreme, in exact arithmetic: what searching must beat.
    @Test(arguments: around + between) func `the search is at least as good as plain rounding`(format: Format) {
        let values = Self.weights(count: 65_536, seed: 3)
        let size = Int(integer_view_shape(format.number).group_elements)
        var plain: [Float] = []
        for begin in stride(from: 0, to: values.count, by: size) {
            let group = values[begin..<(begin + size)]
            if Self.between.contains(where: { $0.number == format.number }) {
                let minimum = group.min()!
                let step = (group.max()! - minimum) / format.steps
                plain += group.map { minimum + step * (($0 - minimum) / step).rounded() }
            } else {
                let extreme = group.max { abs($0) < abs($1) }!
                let step = extreme / -format.steps
                plain += group.map { step * min(format.number == 8 ? 127 : format.steps - 1, ($0 / step).rounded()) }
            }
        }
        let error = Self.rootMeanSquare(values, Self.roundTrip(format.number, values))
        let bound = Self.rootMeanSquare(values, plain)
        // Scales of 6 and 8 bits cost the K formats a little of what the search gains; F16 costs Q8_0.
        #expect(error <= bound * (format.number == 8 ? 1.002 : format.number == 14 ? 1.02 : 1))
    }

    @Test(arguments: [0, 1, 8, 30] as [Int32]) func `decoded values give the same bytes again`(format: Int32) {
        let blocks = Self.encode(format, Self.weights(count: 8192, seed: 4))
        #expect(Self.encode(format, Self.decode(format, blocks, count: 8192)) == blocks)
    }

    /// Of values that lie on a grid of the format, none is lost.
    @Test func `values on a grid stay where they are`() {
        let grid = (0..<512).map { Float(($0 * 7) % 16 - 8) / 64 }
        for format in [2, 3, 6, 7, 12, 13, 14] as [Int32] {
            let error = Self.rootMeanSquare(grid, Self.roundTrip(format, grid))
            #expect(error < 0.0005, "format \(format)")
        }
        #expect(Self.roundTrip(2, grid) == grid)
    }

    @Test(arguments: numbers) func `zeros stay zeros`(format: Int32) {
        #expect(Self.roundTrip(format, [Float](repeating: 0, count: 512)).allSatisfy { $0 == 0 })
    }

    @Test(arguments: numbers, [1, -1] as [Float]) func `a block of one value keeps it`(format: Int32, sign: Float) {
        for magnitude in [1e-3, 0.37, 1000] as [Float] {
            let value = sign * magnitude
            let back = Self.roundTrip(format, [Float](repeating: value, count: 256))
            #expect(back.allSatisfy { abs($0 - value) <= magnitude / 100 }, "\(value) became \(back[0])")
        }
    }

    @Test(arguments: numbers) func `the greatest values stay finite`(format: Int32) {
        let limit = quantize_magnitude_max(format)
        for pattern in [[limit, -limit], [limit, 0], [-limit, 0], [limit, limit / 2]] as [[Float]] {
            let values = (0..<256).map { pattern[$0 % pattern.count] }
            let back = Self.roundTrip(format, values)
            #expect(back.allSatisfy { $0.isFinite }, "format \(format)")
        }
    }

    /// Below 2^-14 scales are denormal: coarse, but never a reason to lose the greatest values.
    @Test(arguments: [2, 3, 6, 7, 8] as [Int32]) func `tiny values are off by one denormal step at most`(format: Int32) {
        for scale in [1e-4, 1e-6, 1e-7, 1e-9, 1e-38] as [Float] {
            let values = Self.weights(count: 256, seed: 5, scale: scale)
            let plainStep = values.map(abs).max()! * 2 / (format == 8 ? 254 : 15)
            for (value, back) in zip(values, Self.roundTrip(format, values)) {
                #expect(abs(value - back) <= plainStep * 1.5 + 0x1p-24)
            }
        }
    }

    @Test func `what no format holds is found`() {
        var values = Self.weights(count: 64, seed: 6)
        #expect(quantize_first_unfit(values, 64, 65504) == -1)
        for (place, value) in [(40, Float.nan), (33, .infinity), (12, -.infinity), (3, 65536)] {
            values[place] = value
            #expect(quantize_first_unfit(values, 64, 65504) == Int64(place))
        }
        #expect(quantize_first_unfit(values, 64, quantize_magnitude_max(0)) == 12)
    }

    @Test(arguments: [-1, 4, 10, 11, 15, 20, 23, 31, 39, 1000, .max, .min] as [Int32])
    func `a format that cannot be written writes nothing`(format: Int32) {
        var blocks: [UInt8] = [7]
        #expect(quantize_row(format, [Float](repeating: 1, count: 256), &blocks, 256) == 0)
        #expect(blocks == [7])
        #expect(quantize_magnitude_max(format) == 0)
    }

    @Test(arguments: [(2, 31), (8, 33), (12, 32), (14, 128), (3, -32)] as [(Int32, Int64)])
    func `elements that do not fill blocks are refused`(format: Int32, count: Int64) {
        var blocks = [UInt8](repeating: 7, count: 512)
        #expect(quantize_row(format, [Float](repeating: 1, count: 256), &blocks, count) == 0)
        #expect(blocks.allSatisfy { $0 == 7 })
    }
}
