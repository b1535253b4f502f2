// AttentionTests.swift: paged attention against double precision, every table against portable, and
// the promise that a row's bits depend on its own position and sequence alone.

import Foundation
import Kernels
import Material
import Testing

@Suite struct AttentionTests {
    private let portable = KernelSet.portable.attention

    private func everyRow(_ run: AttentionRun, _ kernels: attention_kernels) -> [Float] {
        run.output(kernels, rows: 0..<run.one.length, chunk: run.one.length, spans: false)
    }

    @Test(arguments: 0..<60) func `random cases agree with double precision`(seed: Int) {
        let one = AttentionCase.random(seed: seed)
        let run = AttentionRun(one, store: portable)
        let rows = one.firstPosition..<one.length
        let output = run.output(portable, rows: rows, chunk: one.rows, spans: false)
        #expect(greatestError(output, run.reference(rows: rows)) < one.tolerance, "seed \(seed) \(one)")
    }

    @Test func `one visible position gives its value`() {
        var one = AttentionCase(length: 33, window: 1)
        for softCap: Float in [0, 5] {
            one.softCap = softCap
            let run = AttentionRun(one, store: portable)
            let output = everyRow(run, portable)
            for row in 0..<33 {
                for head in 0..<4 {
                    let value = row * 32 + head / 2 * 16
                    let start = row * one.width + head * 16
                    let actual = output[start..<start + 16], wanted = run.values[value..<value + 16]
                    #expect(Array(actual) == Array(wanted))
                }
            }
        }
    }

    @Test(arguments: KernelSet.all)
    func `chunks of any size give the same bits`(set: KernelSet) {
        for (window, length) in [(0, 70), (20, 70), (0, 530), (600, 1100)] {
            for (group, element) in [
                (1, attention_element_f16), (3, attention_element_f16), (1, attention_element_i8),
                (3, attention_element_i8),
            ] {
                var one = AttentionCase(headSize: 24, group: group, kvHeads: 1, pageSize: 32)
                one.element = element
                one.length = length
                one.window = window
                let run = AttentionRun(one, store: set.attention)
                let rows = max(0, length - 40)..<length
                let whole = run.output(set.attention, rows: rows, chunk: 40, spans: false)
                for chunk in [1, 2, 7, 17] {
                    let apart = run.output(set.attention, rows: rows, chunk: chunk, spans: false)
                    #expect(sameBits(whole, apart), "\(set.name) window \(window) chunk \(chunk)")
                }
            }
        }
    }

    @Test(arguments: KernelSet.all)
    func `spans computed apart merge to the same bits`(set: KernelSet) {
        for length in [511, 512, 513, 1024, 1025, 1600] {
            for window in [0, 100, 700] {
                var one = AttentionCase(headSize: 16, group: 2, kvHeads: 1)
                one.length = length
                one.window = window
                one.sinks = [0.5, -1]
                let run = AttentionRun(one, store: set.attention)
                let rows = length - 9..<length
                let whole = run.output(set.attention, rows: rows, chunk: 9, spans: false)
                let apart = run.output(set.attention, rows: rows, chunk: 9, spans: true)
                #expect(sameBits(whole, apart), "\(set.name) length \(length) window \(window)")
            }
        }
    }

    @Test func `the page size changes nothing`() {
        var outputs: [[Float]] = []
        for pageSize in [16, 32, 64] {
            var one = AttentionCase(pageSize: pageSize, length: 600)
            one.firstPosition = 560
            let run = AttentionRun(one, store: portable)
            outputs.append(run.output(portable, rows: 560..<600, chunk: 40, spans: false))
        }
        #expect(outputs[0] == outputs[1] && outputs[0] == outputs[2])
    }

    @Test(arguments: KernelSet.all)
    func `head sizes up to 256 and groups up to 16 work`(set: KernelSet) {
        for headSize in [8, 16, 40, 64, 80, 128, 256] {
            for group in [1, 5, 8, 16] {
                var one = AttentionCase(headSize: headSize, group: group, kvHeads: 1, length: 35)
                one.firstPosition = 30
                for element in [attention_element_bf16, attention_element_i8] {
                    one.element = element
                    let run = AttentionRun(one, store: set.attention)
                    let output = run.output(set.attention, rows: 30..<35, chunk: 5, spans: false)
                    #expect(greatestError(output, run.reference(rows: 30..<35)) < one.tolerance)
                }
            }
        }
    }

    @Test(arguments: KernelSet.twins) func `a twin gives the bits of portable`(twin: KernelSet) {
        for seed in 0..<150 {
            let one = AttentionCase.random(seed: seed)
            let expected = AttentionRun(one, store: portable)
            let actual = AttentionRun(one, store: twin.attention)
            #expect(expected.poolImage == actual.poolImage, "\(twin.name) store seed \(seed)")
            let rows = one.firstPosition..<one.length
            let wanted = expected.output(portable, rows: rows, chunk: one.rows, spans: false)
            let whole = actual.output(twin.attention, rows: rows, chunk: one.rows, spans: false)
            #expect(sameBits(wanted, whole), "\(twin.name) seed \(seed) \(one)")
            let apart = actual.output(twin.attention, rows: rows, chunk: 3, spans: true)
            #expect(sameBits(wanted, apart), "\(twin.name) in spans, seed \(seed) \(one)")
        }
    }

    @Test(arguments: KernelSet.all)
    func `an int8 row is within half a step of its values, and what is no number stays none`(set: KernelSet) {
        for count in [8, 16, 24, 64, 256] {
            var numbers = SeededNumbers(seed: count)
            var x = numbers.floats(count, magnitude: 3), quants = [Int8](repeating: 9, count: count)
            let scale = set.rows.f32_to_i8(&quants, x, Int32(count))
            #expect(zip(x, quants).allSatisfy { abs($0 - scale * Float($1)) <= 0.5001 * scale }, "\(count)")
            x[count - 1] = .infinity
            #expect(set.rows.f32_to_i8(&quants, x, Int32(count)).isNaN && quants.allSatisfy { $0 == 0 })
        }
    }

    @Test(arguments: KernelSet.all)
    func `a row's transform is its sums under all patterns of signs`(set: KernelSet) {
        for (count, size) in [(8, 8), (24, 8), (64, 64), (80, 16), (96, 32), (256, 256)] {
            var numbers = SeededNumbers(seed: count)
            let x = numbers.floats(count, magnitude: 3)
            var spread = x
            set.rows.hadamard_f32(&spread, x, Int32(count))
            #expect(hadamard_size(Int32(count)) == size)
            let wanted: [Double] = (0..<count).map { i in
                (0..<size).reduce(0) { sum, j in
                    let sign: Double = ((i % size) & j).nonzeroBitCount % 2 == 0 ? 1 : -1
                    return sum + sign * Double(x[i / size * size + j])
                }
            }
            #expect(greatestError(spread, wanted) < 1e-4, "\(count)")
        }
    }

    @Test(arguments: KernelSet.twins) func `a twin's transform has the bits of portable`(twin: KernelSet) {
        for count in stride(from: 8, through: 256, by: 8) {
            var numbers = SeededNumbers(seed: count)
            let x = numbers.floats(count)
            var wanted = x, actual = x
            KernelSet.portable.rows.hadamard_f32(&wanted, x, Int32(count))
            twin.rows.hadamard_f32(&actual, x, Int32(count))
            #expect(sameBits(wanted, actual), "\(twin.name) \(count)")
        }
    }

    @Test(arguments: KernelSet.all)
    func `integers of the greatest magnitudes stay within 32 bits`(set: KernelSet) {
        for headSize in [8, 64, 80, 256] {
            var one = AttentionCase(headSize: headSize, group: 1, kvHeads: 1, length: 130)
            one.element = attention_element_i8
            one.scale = 1e-3
            let run = AttentionRun(one, store: set.attention, everyNumber: -2)
            let output = run.output(set.attention, rows: 129..<130, chunk: 1, spans: false)
            #expect(greatestError(output, run.reference(rows: 129..<130)) < 1e-5, "\(headSize)")
        }
    }

    @Test(arguments: KernelSet.all)
    func `integers hold scores that rise or fall by thousands`(set: KernelSet) {
        for growth: Float in [-0.5, -0.02, 0, 0.004, 0.02, 0.1, 1] {
            for window in [0, 100] {
                var one = AttentionCase(headSize: 64, group: 3, kvHeads: 1, length: 600)
                one.element = attention_element_i8
                one.window = window
                let run = AttentionRun(one, store: set.attention, growth: growth)
                let rows = 570..<600, output = run.output(set.attention, rows: rows, chunk: 30, spans: false)
                #expect(greatestError(output, run.reference(rows: rows)) < one.tolerance, "\(growth) \(window)")
                let wanted = AttentionRun(one, store: portable, growth: growth)
                    .output(portable, rows: rows, chunk: 7, spans: true)
                #expect(sameBits(wanted, output), "\(set.name) \(growth) \(window)")
            }
        }
    }

    @Test(arguments: KernelSet.all)
    func `with integers, too, a value that is no number shows in what sees it alone`(set: KernelSet) {
        var one = AttentionCase(headSize: 16, group: 1, kvHeads: 1, length: 100)
        one.element = attention_element_i8
        let run = AttentionRun(one, store: set.attention, infiniteAt: 40)
        let output = run.output(set.attention, rows: 0..<100, chunk: 100, spans: false)
        for row in 0..<100 {
            let numbers = output[row * 16..<row * 16 + 16]
            #expect(row < 40 ? numbers.allSatisfy(\.isFinite) : numbers.allSatisfy(\.isNaN), "row \(row)")
        }
    }

    @Test func `a store touches only its own slots`() {
        let one = AttentionCase(length: 20)
        let image = AttentionRun(one, store: portable).poolImage
        // 20 positions of 2 heads of 16 floats, twice; none of the stored numbers is a NaN pattern.
        var written = 0
        for start in stride(from: 0, to: image.count, by: 4) {
            written += image[start..<start + 4].allSatisfy { $0 == 255 } ? 0 : 1
        }
        #expect(written == 2 * 20 * 2 * 16)
    }
}
