// RowsTests.swift: the row kernels against double precision, and every table against portable.

import Foundation
import Kernels
import Material
import Testing

@Suite struct RowsTests {
    private let portable = KernelSet.portable.rows

    /// Runs a kernel that writes `count` floats, at an odd offset, with canaries behind them.
    private func written(
        _ initial: [Float], _ body: (UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        var buffer = [Float](repeating: 7, count: 1) + initial + [Float](repeating: 7, count: 17)
        buffer.withUnsafeMutableBufferPointer { body($0.baseAddress! + 1) }
        #expect(buffer[0] == 7 && buffer.suffix(17).allSatisfy { $0 == 7 }, "wrote outside")
        return Array(buffer[1...initial.count])
    }

    @Test(arguments: [1, 2, 7, 8, 15, 16, 17, 31, 64, 576, 577, 1000])
    func `norms follow their formulas`(width: Int) {
        var numbers = SeededNumbers(seed: width)
        let x = numbers.floats(width, magnitude: 3), weight = numbers.floats(width)
        let bias = numbers.floats(width)
        let wide = x.map(Double.init)
        let mean: Double = wide.reduce(0, +) / Double(width)
        let squares: [Double] = wide.map { $0 * $0 }
        let square: Double = squares.reduce(0, +) / Double(width)
        let distances: [Double] = wide.map { ($0 - mean) * ($0 - mean) }
        let variance: Double = distances.reduce(0, +) / Double(width)
        let rms = written(x) { portable.rmsnorm_f32($0, x, weight, Int32(width), 1e-5) }
        let root: Double = (square + 1e-5).squareRoot()
        let normalized: [Double] = wide.map { $0 / root }
        let weighted: [Double] = zip(normalized, weight).map { $0 * Double($1) }
        #expect(greatestError(rms, weighted) < 1e-6)
        let bare = written(x) { portable.rmsnorm_f32($0, x, nil, Int32(width), 1e-5) }
        #expect(greatestError(bare, normalized) < 1e-6)
        let layer = written(x) { portable.layernorm_f32($0, x, weight, bias, Int32(width), 1e-5) }
        let deviation: Double = (variance + 1e-5).squareRoot()
        let expected: [Double] = (0..<width).map { i -> Double in
            let centered: Double = (wide[i] - mean) / deviation
            return centered * Double(weight[i]) + Double(bias[i])
        }
        // One element has no variance: its rounding error is magnified by 1 / sqrt(epsilon).
        #expect(greatestError(layer, expected) < (width == 1 ? 1e-3 : 3e-6))
    }

    @Test func `an added norm is the sum and then the norm`() {
        var numbers = SeededNumbers(seed: 5)
        let x = numbers.floats(100), start = numbers.floats(100), weight = numbers.floats(100)
        var sum = start
        portable.add_f32(&sum, x, 100)
        let norm = written(x) { portable.rmsnorm_f32($0, sum, weight, 100, 1e-6) }
        var residual = start
        let fused = written(x) { portable.add_rmsnorm_f32($0, &residual, x, weight, 100, 1e-6) }
        #expect(residual == sum && fused == norm)
    }

    @Test(arguments: [(8, 8), (64, 64), (24, 24), (64, 32), (80, 20), (6, 4), (16, 0)])
    func `rope turns pairs and leaves the rest`(headSize: Int, rotary: Int) {
        var numbers = SeededNumbers(seed: headSize + rotary)
        let heads = 3, half = rotary / 2
        let x = numbers.floats(heads * headSize)
        let angles = numbers.floats(half, magnitude: 4).map(Double.init)
        let cosines = angles.map { Float(cos($0)) }, sines = angles.map { Float(sin($0)) }
        for interleaved in [false, true] {
            var expected = x.map(Double.init)
            for head in 0..<heads {
                for i in 0..<half {
                    let first = head * headSize + (interleaved ? 2 * i : i)
                    let second = first + (interleaved ? 1 : half)
                    let a = Double(x[first]), b = Double(x[second])
                    expected[first] = a * cos(angles[i]) - b * sin(angles[i])
                    expected[second] = b * cos(angles[i]) + a * sin(angles[i])
                }
            }
            let kernel = interleaved ? portable.rope_interleaved_f32 : portable.rope_halves_f32
            let turned = written(x) {
                kernel($0, cosines, sines, Int32(heads), Int32(headSize), Int32(rotary))
            }
            #expect(greatestError(turned, expected) < 3e-7)
            for head in 0..<heads {
                let rest = head * headSize + rotary..<(head + 1) * headSize
                #expect(turned[rest] == x[rest])
            }
        }
    }

    @Test func `gates and caps follow their formulas over the whole range`() {
        var gate: [Float] = [0, -0.0, 1e-30, -1e-30, 80, -80]
        for step in 0...4000 { gate.append(Float(step) * 0.05 - 100) }
        let count = Int32(gate.count)
        let ones = [Float](repeating: 1, count: gate.count)
        let wide = gate.map(Double.init)
        let silu = written(gate) { portable.silu_multiply_f32($0, gate, ones, count) }
        let siluExpected: [Double] = wide.map { $0 / (1 + exp(-$0)) }
        #expect(greatestError(silu, siluExpected) < 3e-7)
        let gelu = written(gate) { portable.gelu_tanh_multiply_f32($0, gate, ones, count) }
        let geluExpected: [Double] = wide.map { v -> Double in
            let cubic: Double = v + 0.044715 * v * v * v
            return v / 2 * (1 + tanh((2 / Double.pi).squareRoot() * cubic))
        }
        #expect(greatestError(gelu, geluExpected) < 1e-6)
        let capped = written(gate) { portable.soft_cap_f32($0, 30, count) }
        let cappedExpected: [Double] = wide.map { 30 * tanh($0 / 30) }
        #expect(greatestError(capped, cappedExpected) < 3e-7)
    }

    @Test func `every half converts to f32 and back to itself`() {
        let halves = (0...UInt16.max).map { $0 }
        var wide = [Float](repeating: 0, count: halves.count)
        portable.f16_to_f32(&wide, halves, Int32(halves.count))
        var narrow = [UInt16](repeating: 0, count: halves.count)
        portable.f32_to_f16(&narrow, wide, Int32(halves.count))
        var brain = [Float](repeating: 0, count: halves.count)
        portable.bf16_to_f32(&brain, halves, Int32(halves.count))
        var narrowBrain = [UInt16](repeating: 0, count: halves.count)
        portable.f32_to_bf16(&narrowBrain, brain, Int32(halves.count))
        for bits in halves {
            let index = Int(bits), isNaN = bits & 0x7fff > 0x7c00
            #expect(wide[index].isNaN == isNaN)
            #expect(narrow[index] == (isNaN ? bits | 0x200 : bits))
            let isBrainNaN = bits & 0x7fff > 0x7f80
            #expect(brain[index].bitPattern == UInt32(bits) << 16)
            #expect(narrowBrain[index] == (isBrainNaN ? bits | 0x40 : bits))
        }
        // Values of the format's own definition: 2^-24, 2^-14, 1, 65504.
        #expect(wide[1] == 0x1p-24 && wide[0x400] == 0x1p-14)
        #expect(wide[0x3c00] == 1 && wide[0x7bff] == 65504)
    }

    @Test func `narrowing rounds to the nearest, ties to even`() {
        let x: [Float] = [
            2049, 2051, 65519, 65520, 1e9, 0x1p-25, 0x1.8p-25, 0x1.00002p-25, 0x1.ffep-15,
        ]
        var halves = [UInt16](repeating: 0, count: x.count)
        portable.f32_to_f16(&halves, x, Int32(x.count))
        let expectedHalves: [UInt16] = [
            0x6800, 0x6802, 0x7bff, 0x7c00, 0x7c00, 0, 1, 1, 0x400,
        ]
        #expect(halves == expectedHalves)
        let y: [Float] = [257, 259, .greatestFiniteMagnitude, 0x1.01p0, 0x1.03p0, 0x1.0101p0]
        var brains = [UInt16](repeating: 0, count: y.count)
        portable.f32_to_bf16(&brains, y, Int32(y.count))
        let expectedBrains: [UInt16] = [0x4380, 0x4382, 0x7f80, 0x3f80, 0x3f82, 0x3f81]
        #expect(brains == expectedBrains)
    }

    @Test(arguments: KernelSet.twins) func `a twin gives the bits of portable`(twin: KernelSet) {
        for seed in 0..<150 {
            var numbers = SeededNumbers(seed: seed)
            let width = numbers.integer(1...(seed % 3 == 0 ? 700 : 70)), count = Int32(width)
            let x = seed % 5 == 4 ? numbers.anyBits(width) : numbers.floats(width, magnitude: 9)
            let y = numbers.floats(width), weight = numbers.floats(width)
            let nothing: [Float]? = nil
            let some = seed % 4 == 0 ? nothing : weight
            func both(_ name: String, _ run: (row_kernels, UnsafeMutablePointer<Float>) -> Void) {
                let expected = written(y) { run(portable, $0) }
                let actual = written(y) { run(twin.rows, $0) }
                let context = "\(twin.name) \(name) width \(width) seed \(seed)"
                #expect(sameBits(expected, actual), "\(context)")
            }
            both("rmsnorm") { $0.rmsnorm_f32($1, x, some, count, 1e-5) }
            both("layernorm") { $0.layernorm_f32($1, x, some, some, count, 1e-5) }
            both("silu") { $0.silu_multiply_f32($1, x, weight, count) }
            both("gelu") { $0.gelu_tanh_multiply_f32($1, x, weight, count) }
            both("add") { $0.add_f32($1, x, count) }
            both("add scaled") { $0.add_scaled_f32($1, x, 0.3, count) }
            both("scale") { $0.scale_f32($1, 0.7, count) }
            both("soft cap") { kernels, target in
                target.update(from: x, count: width)
                kernels.soft_cap_f32(target, 5, count)
            }
            both("add rmsnorm") { kernels, target in
                var residual = weight
                kernels.add_rmsnorm_f32(target, &residual, x, some, count, 1e-5)
                kernels.add_f32(target, residual, count)
            }
        }
    }

    @Test(arguments: KernelSet.twins)
    func `a twin rotates heads as portable does`(twin: KernelSet) {
        for seed in 0..<100 {
            var numbers = SeededNumbers(seed: seed)
            let heads = numbers.integer(1...5), half = numbers.integer(1...40)
            let rotary = 2 * numbers.integer(0...half)
            let x = numbers.floats(heads * 2 * half)
            let cosines = numbers.floats(half), sines = numbers.floats(half)
            let weight = numbers.floats(2 * half)
            let sizes = (Int32(heads), Int32(2 * half), Int32(rotary))
            func run(_ kernels: row_kernels) -> [Float] {
                written(x) {
                    kernels.rope_halves_f32($0, cosines, sines, sizes.0, sizes.1, sizes.2)
                    kernels.rope_interleaved_f32($0, cosines, sines, sizes.0, sizes.1, sizes.2)
                    kernels.rmsnorm_heads_f32($0, $0, weight, sizes.0, sizes.1, 1e-6)
                }
            }
            #expect(sameBits(run(portable), run(twin.rows)), "\(twin.name) seed \(seed)")
        }
    }

    @Test(arguments: KernelSet.twins) func `a twin converts as portable does`(twin: KernelSet) {
        for seed in 0..<200 {
            var numbers = SeededNumbers(seed: seed)
            let count = numbers.integer(1...300), length = Int32(count)
            let x = numbers.anyBits(count)
            let bits = (0..<count).map { _ in UInt16(truncatingIfNeeded: numbers.next()) }
            func narrowed(_ kernels: row_kernels) -> [[UInt16]] {
                var halves = [UInt16](repeating: 5, count: count + 8), brains = halves
                kernels.f32_to_f16(&halves, x, length)
                kernels.f32_to_bf16(&brains, x, length)
                return [halves, brains]
            }
            func widened(_ kernels: row_kernels) -> [[UInt32]] {
                var halves = [Float](repeating: 5, count: count + 8), brains = halves
                kernels.f16_to_f32(&halves, bits, length)
                kernels.bf16_to_f32(&brains, bits, length)
                return [halves.map(\.bitPattern), brains.map(\.bitPattern)]
            }
            #expect(narrowed(portable) == narrowed(twin.rows), "\(twin.name) seed \(seed)")
            #expect(widened(portable) == widened(twin.rows), "\(twin.name) seed \(seed)")
        }
    }
}
