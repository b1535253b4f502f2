// MachineLimitsTests.swift: limits are measured, and a model's work is held against them.
import Checkpoints
import Core
import Foundation
import JSON
import Testing
@testable import tokenmill

struct MachineLimitsTests {
    @Test func `every machine reads and multiplies`() throws {
        let limits = try MachineLimits.measure(kernels: "portable", threads: 2, seconds: 0.01)
        #expect(limits.reading.bytesPerSecond > 1e8 && limits.int8OperationsPerSecond > 1e8)
        #expect(limits.f32OperationsPerSecond > 1e7 && limits.bf16OperationsPerSecond == nil)
        #expect(limits.json["threads"]?.intValue == 2)
        #expect(MachineLimits.text([limits]).contains("portable"))
    }

    @Test func `limits come back from a file, for the kernels and threads asked`() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "machine-\(UUID()).json").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        let limits = [1, 2].map {
            MachineLimits(
                kernels: "avx2", threads: $0,
                reading: ReadingRates([
                    .init(bytes: 1, bytesPerSecond: 2e9), .init(bytes: 9, bytesPerSecond: 1e9 * Double($0)),
                ]), int8OperationsPerSecond: 2e9,
                int8WideOperationsPerSecond: $0 == 1 ? 1e9 : nil, f32OperationsPerSecond: 1e9,
                bf16OperationsPerSecond: $0 == 1 ? nil : 3e9)
        }
        let file: JSONValue = ["machine": .array(limits.map(\.json))]
        try Data(file.serialized()).write(to: URL(filePath: path))
        for one in limits {
            #expect(try MachineLimits.read(from: path, kernels: "avx2", threads: one.threads) == one)
        }
        #expect(throws: CommandFailure.self) { try MachineLimits.read(from: path, kernels: "avx2", threads: 3) }
        #expect(throws: CommandFailure.self) { try MachineLimits.read(from: path + "x", kernels: "avx2", threads: 1) }
    }

    @Test func `what lies in a cache is read faster, and what lies between two sizes between their rates`() {
        let reading = ReadingRates([
            .init(bytes: 64, bytesPerSecond: 50), .init(bytes: 256, bytesPerSecond: 20),
        ])
        #expect([1, 64, 128, 256, 1000].map { reading.bytesPerSecond(of: $0) } == [50, 50, 35, 20, 20])
        #expect(reading.bytesPerSecond == 20)
        let other = ReadingRates([
            .init(bytes: 64, bytesPerSecond: 40), .init(bytes: 256, bytesPerSecond: 25),
        ])
        #expect(reading.better(than: other).rates.map(\.bytesPerSecond) == [50, 25])
    }

    @Test func `an impossible number of threads is an error`() {
        #expect(throws: CommandFailure.self) {
            try MachineLimits.measure(kernels: "portable", threads: 100_000, seconds: 0.01)
        }
    }
}

struct ModelWorkTests {
    private let machine = MachineLimits(
        kernels: "k", threads: 1, reading: ReadingRates(bytesPerSecond: 1e9), int8OperationsPerSecond: 2e9,
        f32OperationsPerSecond: 1e9, bf16OperationsPerSecond: nil)
    private let work = ModelWork(
        layers: .init(integer: 1_000_000), outputs: .init(integer: 1_000_000), stepBytes: 4_000_000,
        isExact: false)

    @Test func `one stream is bound by reading, many by arithmetic`() {
        let one = ThroughputCase(streams: 1, promptTokens: 1, generateTokens: 2)
        let many = ThroughputCase(streams: 100, promptTokens: 1, generateTokens: 2)
        #expect(abs(work.generationLimit(one, on: machine) - 250) < 1e-6)
        #expect(abs(work.generationLimit(many, on: machine) - 500) < 1e-6)
    }

    @Test func `weights and the cache of all streams are read at the rate of their sum`() {
        var limits = machine
        limits.reading = ReadingRates([
            .init(bytes: 4_000_000, bytesPerSecond: 2e9), .init(bytes: 16_000_000, bytesPerSecond: 1e9),
        ])
        var attending = work
        let one = ThroughputCase(streams: 1, promptTokens: 3, generateTokens: 2)
        #expect(abs(attending.generationLimit(one, on: limits) - 500) < 1e-6)
        // Four positions of one layer.
        attending.attention = AttentionWork(multiplyAdds: 1, positionBytes: 3_000_000, windows: [nil])
        #expect(abs(attending.generationLimit(one, on: limits) - 250) < 1e-6)
        let bytes = attending.generationLimit(one, on: limits, counting: .everything)
        #expect(abs(bytes - 1 / (0.004 + 0.012)) < 1e-3)
    }

    @Test func `a format counts where its quants belong`() {
        var elements = ModelWork.Elements()
        let formats: [ElementFormat] = [.q4_1, .q6_K, .q8_0, .iq4_xs, .bf16, .f16, .f32]
        for (index, format) in formats.enumerated() { elements.add(1 << index, stored: format) }
        #expect((elements.integer, elements.wide) == (1 + 2, 4 + 8))
        #expect((elements.bfloat, elements.single) == (16, 32 + 64))
    }

    @Test func `scales cost a format what its groups ask for, and floats nothing`() {
        func scaling(_ format: ElementFormat) -> Int {
            var elements = ModelWork.Elements()
            elements.add(3200, stored: format)
            return elements.scaling
        }
        #expect(scaling(.q4_0) == 300)  // groups of 32: scale
        #expect(scaling(.q4_1) == 400)  // and offset
        #expect(scaling(.q6_K) == 600)  // groups of 16
        #expect(scaling(.bf16) == 0)
        let scaled = ModelWork(
            layers: .init(integer: 1_000_000, scaling: 500_000), stepBytes: 0, isExact: false)
        let many = ThroughputCase(streams: 100, promptTokens: 1, generateTokens: 2)
        #expect(abs(scaled.generationLimit(many, on: machine) - 1000) < 1e-6)
        #expect(abs(scaled.generationLimit(many, on: machine, counting: .everything) - 500) < 1e-6)
    }

    @Test func `attention costs every format the same, and comes behind the products`() {
        // Two layers, one of them with a window: rows of a prompt of 4 see 1 + 2 + 3 + 4 and 1 + 2 + 2 + 2.
        var attending = work
        attending.attention = AttentionWork(multiplyAdds: 1_000_000, positionBytes: 4_000_000, windows: [nil, 2])
        let prompt = ThroughputCase(streams: 3, promptTokens: 4, generateTokens: 1)
        let products = 12 / work.promptLimit(prompt, on: machine)
        #expect(attending.promptLimit(prompt, on: machine) == work.promptLimit(prompt, on: machine))
        #expect(abs(attending.promptLimit(prompt, on: machine, counting: .everything) - 12 / (products + 0.102)) < 1e-6)
        // A row at the middle of 6 ... 10 sees 8 and 2 positions, whose bytes take longer than their products.
        let streams = ThroughputCase(streams: 3, promptTokens: 6, generateTokens: 4)
        let step = 3 / work.generationLimit(streams, on: machine)
        #expect(abs(attending.generationLimit(streams, on: machine, counting: .everything) - 3 / (step + 0.12)) < 1e-6)
    }

    @Test func `weights of 8 bits are held against their own peak, where there is one`() {
        let many = ThroughputCase(streams: 100, promptTokens: 1, generateTokens: 2)
        let wide = ModelWork(
            layers: .init(integer: 1_000_000), outputs: .init(wide: 1_000_000), stepBytes: 4_000_000, isExact: false)
        #expect(abs(wide.generationLimit(many, on: machine) - 500) < 1e-6)
        var slower = machine
        slower.int8WideOperationsPerSecond = 1e9
        #expect(abs(wide.generationLimit(many, on: slower) - 1000 / 3) < 1e-6)
    }

    @Test func `of the last layer, rows of a prompt need what comes before attention`() throws {
        let tiny = try TinyModel()
        let checkpoint = try Checkpoint.open(tiny.path)
        let attention = AttentionWork(multiplyAdds: 1, positionBytes: 1, windows: [])
        let work = ModelWork(checkpoint, attention: attention, packedBytes: 0, isExact: false)
        #expect(work.layers.single == 96 * 512)
        #expect(work.outputs.single == 64 * 512 + 512 * 96 + 8 * 36 + 4 * 512)
    }

    @Test func `a prompt needs the head once`() {
        let prompt = ThroughputCase(streams: 1, promptTokens: 9, generateTokens: 1)
        #expect(abs(work.promptLimit(prompt, on: machine) - 900) < 1e-6)
    }

    @Test func `exact arithmetic is bound by single precision`() {
        let exact = ModelWork(layers: work.layers, outputs: work.outputs, stepBytes: 0, isExact: true)
        let one = ThroughputCase(streams: 1, promptTokens: 1, generateTokens: 2)
        #expect(abs(exact.generationLimit(one, on: machine) - 250) < 1e-6)
    }
}
