// StatisticsTests.swift: the statistics kernels against plain Swift, every table against portable.

import Foundation
import Kernels
import Material
import Testing

@Suite struct StatisticsTests {
    private let portable = KernelSet.portable.statistics

    @Test(arguments: KernelSet.all)
    func `the greatest is found, the lowest index of equals`(set: KernelSet) {
        for (index, length) in [1, 7, 8, 16, 31, 63, 64, 65, 200].enumerated() {
            var numbers = SeededNumbers(seed: index)
            var x = (0..<length).map { _ in Float(numbers.integer(-4...4)) }
            let greatest = x.max()!
            let count = Int32(length), first = Int32(x.firstIndex(of: greatest)!)
            #expect(set.statistics.argmax_f32(x, count) == first)
            #expect(set.statistics.max_f32(x, count) == greatest)
            x[numbers.integer(0...length - 1)] = .nan
            #expect(set.statistics.argmax_f32(x, count) == -1)
            #expect(set.statistics.max_f32(x, count).isNaN)
        }
    }

    @Test(arguments: KernelSet.all)
    func `infinities, zeros and emptiness have answers`(set: KernelSet) {
        let kernels = set.statistics
        #expect(kernels.argmax_f32([], 0) == -1)
        #expect(kernels.max_f32([], 0) == -.infinity)
        #expect(kernels.argmax_f32([-.infinity, -.infinity], 2) == 0)
        #expect(kernels.argmax_f32([1, .infinity, .infinity], 3) == 1)
        #expect(kernels.argmax_f32([-0.0, 0], 2) == 0)
        #expect(kernels.max_f32([-0.0, -0.0], 2).sign == .plus)
        #expect(kernels.sum_exp_f32([-.infinity, 0, -200], 3, 0, 1) == 1)
        #expect(kernels.sum_exp_f32([.nan, 0], 2, 0, 1).isNaN)
        var heaviest: Float = 3, powers: [Float] = [3, 3, 3]
        #expect(kernels.exp_f32(&powers, &heaviest, [.nan, 0, -1], 3, 0, 1).isNaN)
        #expect(heaviest == 1)
        #expect(kernels.exp_f32(&powers, &heaviest, [], 0, 0, 1) == 0)
        #expect(heaviest == 0)
    }

    @Test(arguments: [1, 15, 16, 17, 1000, 49152])
    func `sums of exponentials agree with double precision`(length: Int) {
        var numbers = SeededNumbers(seed: length)
        let x = numbers.floats(length, magnitude: 20)
        let shift = x.max()!, factor: Float = 0.8
        let powers: [Double] = x.map { value -> Double in
            exp((Double(value) - Double(shift)) * Double(factor))
        }
        let total = portable.sum_exp_f32(x, Int32(length), shift, factor)
        let ratio: Double = Double(total) / powers.reduce(0, +)
        #expect(abs(ratio - 1) < 1e-5)
        var out = [Float](repeating: 0, count: length)
        var heaviest: Float = 0
        #expect(portable.exp_f32(&out, &heaviest, x, Int32(length), shift, factor) == total)
        #expect(heaviest == 1)
        #expect(greatestError(out, powers) < 3e-6)
    }

    @Test func `elements within bounds collect in order, up to the capacity, and the rest is counted`() {
        var x: [Float] = (0..<100).map { Float($0 % 10) }
        x += [.nan, .infinity]
        for set in KernelSet.all {
            func collect(_ least: Float, _ bound: Float, _ capacity: Int, from begin: Int = 0) -> Collected {
                set.statistics.collected(x, begin..<x.count, least, bound, capacity)
            }
            let nines = collect(9, .nan, 102)
            var expected: [Int32] = (0..<10).map { Int32($0 * 10 + 9) }
            expected.append(101)
            #expect(nines.indices == expected)
            #expect(nines.values.dropLast().allSatisfy { $0 == 9 } && nines.values.last == .infinity)
            #expect(nines.found == 11)
            #expect(collect(9, .nan, 11) == nines)
            let two = collect(5, .nan, 2)
            #expect(two.indices == [5, 6] && two.values == [5, 6] && two.found == 51)
            let three = collect(5, 7, 3)
            #expect(three.indices == [5, 6, 15] && three.found == 20)
            #expect(collect(5, 7, 102, from: 16).indices.prefix(3) == [16, 25, 26])
            #expect(collect(0, .infinity, 0).found == 100)
            #expect(set.statistics.count_greater_f32(x, Int32(x.count), 8) == 11)
            #expect(set.statistics.count_greater_f32(x, Int32(x.count), .nan) == 0)
        }
    }

    @Test(arguments: KernelSet.all)
    func `what is collected joins what was before`(set: KernelSet) {
        let x: [Float] = [3, 1, 2, 5, 4]
        var values: [Float] = [0, 0, 0], indices: [Int32] = [0, 0, 0]
        values.withUnsafeMutableBufferPointer { values in
            indices.withUnsafeMutableBufferPointer { indices in
                var out = collection(
                    values: values.baseAddress!, indices: indices.baseAddress!, capacity: 3, found: 0)
                set.statistics.collect_within_f32(x, 0, 2, 3, .nan, &out)
                set.statistics.collect_within_f32(x, 2, 5, 3, .nan, &out)
                #expect(out.found == 3)
            }
        }
        #expect(values == [3, 5, 4] && indices == [0, 3, 4])
    }

    @Test(arguments: KernelSet.all)
    func `masses above several thresholds are summed in one pass`(set: KernelSet) {
        var x: [Float] = (0..<100).map { Float($0 % 10) }
        x += [.nan, 1000]
        var masses = [Float](repeating: -1, count: 9)
        set.statistics.masses_at_least_f32(
            x, Int32(x.count), [9, 0, 8, 8.5, 10, 1000, 1001, .nan], &masses)
        #expect(masses == [1090, 1450, 1170, 1090, 1000, 1000, 0, 0, -1])
    }

    @Test func `penalties divide what is positive and multiply what is negative`() {
        var x: [Float] = [2, -2, 2, 0, 5]
        statistics_penalize_f32(&x, [0, 1, 2], [0, 3, 1], 3, 0.5, 0.25, 2)
        #expect(x == [1, -5.25, 0.25, 0, 5])
    }

    @Test(arguments: KernelSet.twins) func `a twin gives the bits of portable`(twin: KernelSet) {
        for seed in 0..<300 {
            var numbers = SeededNumbers(seed: seed)
            let count = numbers.integer(0...(seed % 3 == 0 ? 2000 : 90)), length = Int32(count)
            let offset = numbers.integer(0...3)
            let padded = seed % 4 == 0
                ? numbers.anyBits(count + offset) : numbers.floats(count + offset, magnitude: 30)
            let threshold = padded.isEmpty ? 0 : padded[numbers.integer(0...padded.count - 1)]
            func run(_ kernels: statistics_kernels) -> ([Int32], [Float]) {
                padded.withUnsafeBufferPointer { buffer in
                    let empty: [Float] = [0]
                    return empty.withUnsafeBufferPointer { spare in
                        let x = (buffer.baseAddress ?? spare.baseAddress!) + offset
                        var powers = [Float](repeating: 3, count: count + 20)
                        let within = kernels.collected(
                            x, 0..<count, threshold, seed % 2 == 0 ? .nan : padded.first ?? 0,
                            seed % 5 == 0 ? count / 3 : count)
                        let greatest = kernels.max_f32(x, length)
                        var heaviest: Float = 3
                        let sums = [
                            greatest, kernels.sum_exp_f32(x, length, greatest, 0.7),
                            kernels.exp_f32(&powers, &heaviest, x, length, greatest, 0.7), heaviest,
                        ]
                        let thresholds = (0..<Int(MASS_THRESHOLDS)).map { padded.isEmpty ? 0 : padded[$0 % padded.count] }
                        var masses = [Float](repeating: 3, count: thresholds.count)
                        kernels.masses_at_least_f32(x, length, thresholds, &masses)
                        let counts = [
                            kernels.argmax_f32(x, length),
                            kernels.count_greater_f32(x, length, threshold), Int32(within.found),
                        ]
                        return (counts + within.indices, sums + powers + masses + within.values)
                    }
                }
            }
            let expected = run(portable), actual = run(twin.statistics)
            #expect(expected.0 == actual.0, "\(twin.name) seed \(seed)")
            #expect(sameBits(expected.1, actual.1), "\(twin.name) seed \(seed)")
        }
    }
}

private struct Collected: Equatable {
    let values: [Float]
    let indices: [Int32]
    let found: Int
}

extension statistics_kernels {
    /// What it collects, none of it behind the capacity.
    fileprivate func collected(
        _ x: UnsafePointer<Float>, _ range: Range<Int>, _ least: Float, _ bound: Float, _ capacity: Int
    ) -> Collected {
        var values = [Float](repeating: -7, count: capacity + 20), indices = [Int32](repeating: -7, count: capacity + 20)
        let found = values.withUnsafeMutableBufferPointer { values in
            indices.withUnsafeMutableBufferPointer { indices in
                var out = collection(
                    values: values.baseAddress!, indices: indices.baseAddress!, capacity: Int32(capacity), found: 0)
                collect_within_f32(x, Int32(range.lowerBound), Int32(range.upperBound), least, bound, &out)
                return Int(out.found)
            }
        }
        #expect(values[capacity...].allSatisfy { $0 == -7 } && indices[capacity...].allSatisfy { $0 == -7 })
        let kept = min(found, capacity)
        return Collected(values: Array(values[..<kept]), indices: Array(indices[..<kept]), found: found)
    }
}
