// SamplerTests.swift: the sampler against slow, plain definitions over sorted doubles.
import Core
import Glibc
import Kernels
import Testing

@testable import Engine

@Suite struct SamplerTests {
    private static let size = 1500

    private static func row(_ seed: UInt64, scale: Float = 3) -> [Float] {
        (0..<size).map { index in
            let place = (0..<4).reduce(0.0) {
                $0 + RandomStream.uniform(seed: seed, choice: $1, index: index)
            }
            return (Float(place) - 2) * scale * 2
        }
    }

    private static func sampler(_ table: String = "portable", size: Int = size) -> Sampler {
        Sampler(kernels: kernel_table_named(table)!.pointee.statistics, vocabularySize: size)
    }

    private static func context(
        _ parameters: SamplingParameters, output: [TokenID] = [], prompt: [TokenID]? = nil,
        forbidden: Set<TokenID> = []
    ) -> SamplingContext {
        var history = prompt.map { TokenHistory(prompt: $0) }
        for token in output { history?.append(token) }
        return SamplingContext(
            parameters: parameters, choice: 0, output: output[...], history: history,
            forbidden: forbidden)
    }

    private static func draw(
        _ row: [Float], _ parameters: SamplingParameters, output: [TokenID] = [],
        prompt: [TokenID]? = nil,
        forbidden: Set<TokenID> = []
    ) throws -> SampledToken {
        var sampler = sampler(size: row.count)
        let context = context(parameters, output: output, prompt: prompt, forbidden: forbidden)
        return try row.withUnsafeBufferPointer { try sampler.sample($0, context) }
    }

    /// Probability of each token after the filters, by the book.
    private static func reference(_ row: [Float], _ parameters: SamplingParameters) -> [TokenID:
        Double]
    {
        let best = Double(row.max()!)
        var items = row.enumerated().map { index, value in
            (TokenID(index), exp((Double(value) - best) / Double(parameters.temperature)))
        }
        items.sort { $0.1 > $1.1 || $0.1 == $1.1 && $0.0 < $1.0 }
        items.removeAll { $0.1 < Double(parameters.minP) }
        if parameters.topK > 0 { items = Array(items.prefix(parameters.topK)) }
        if parameters.topP < 1 {
            let total = items.reduce(0) { $0 + $1.1 }
            var sum = 0.0
            let kept = items.firstIndex { item in
                sum += item.1
                return sum >= Double(parameters.topP) * total
            }
            items = Array(items.prefix((kept ?? items.count - 1) + 1))
        }
        let total = items.reduce(0) { $0 + $1.1 }
        return Dictionary(uniqueKeysWithValues: items.map { ($0.0, $0.1 / total) })
    }

    struct Filter: CustomTestStringConvertible {
        var temperature: Float = 1
        var topK = 0
        var topP: Float = 1
        var minP: Float = 0
        var testDescription: String { "T \(temperature), k \(topK), p \(topP), min \(minP)" }
    }

    @Test(arguments: [
        Filter(), Filter(temperature: 0.3), Filter(temperature: 5), Filter(topK: 1),
        Filter(topK: 40),
        Filter(temperature: 20, topK: 1499), Filter(topP: 0.9), Filter(temperature: 10, topP: 0.5),
        Filter(topP: 0.0001), Filter(minP: 0.1), Filter(minP: 1),
        Filter(temperature: 0.7, topK: 20, topP: 0.8),
        Filter(topP: 0.7, minP: 0.02), Filter(temperature: 2, topK: 50, topP: 0.95, minP: 0.01),
        Filter(temperature: 100, topP: 0.999), Filter(topK: 100_000),
    ])
    func `draws follow the filtered distribution`(filter: Filter) throws {
        var parameters = SamplingParameters()
        (parameters.temperature, parameters.topK) = (filter.temperature, filter.topK)
        (parameters.topP, parameters.minP) = (filter.topP, filter.minP)
        let row = Self.row(5)
        let expected = Self.reference(row, parameters)
        var counts: [TokenID: Int] = [:]
        var sampler = Self.sampler()
        let draws = 1500
        for seed in 0..<draws {
            parameters.seed = UInt64(seed)
            let context = Self.context(parameters)
            let token = try row.withUnsafeBufferPointer { try sampler.sample($0, context) }.token
            counts[token, default: 0] += 1
        }
        #expect(counts.keys.allSatisfy { expected[$0] != nil })
        for (token, probability) in expected where probability * Double(draws) > 20 {
            let mean = probability * Double(draws)
            let difference = abs(Double(counts[token] ?? 0) - mean)
            #expect(
                difference <= 5 * (mean * (1 - probability)).squareRoot() + 1e-6 * mean,
                "token \(token)")
        }
    }

    @Test(arguments: [0.5, 0.9, 0.99])
    func `a nucleus of thousands has the tokens and the proportions it should`(share: Float) throws {
        var parameters = SamplingParameters()
        (parameters.temperature, parameters.topP) = (3, share)
        let row = (0..<14).flatMap { Self.row(UInt64($0), scale: 4) }
        let expected = Self.reference(row, parameters)
        #expect(expected.count > 1000)
        // The heavier half of it, by mass.
        var mass = 0.0
        let heavy = Set(expected.sorted { $0.value > $1.value }.prefix { mass += $0.value; return mass < 0.5 }.map(\.key))
        let draws = 3000
        var sampler = Self.sampler(size: row.count)
        var fromHeavy = 0, fromFirstRows = 0
        for seed in 0..<draws {
            parameters.seed = UInt64(seed)
            let context = Self.context(parameters)
            let token = try row.withUnsafeBufferPointer { try sampler.sample($0, context) }.token
            #expect(expected[token] != nil, "token \(token)")
            fromHeavy += heavy.contains(token) ? 1 : 0
            fromFirstRows += token < Self.size * 7 ? 1 : 0
        }
        let first = expected.reduce(0) { $0 + ($1.key < Self.size * 7 ? $1.value : 0) }
        for (count, share) in [(fromHeavy, 0.5), (fromFirstRows, first)] {
            #expect(abs(Double(count) / Double(draws) - share) < 5 * (0.25 / Double(draws)).squareRoot())
        }
    }

    @Test(arguments: [-Float.infinity, -500, -70, -3, 80, 500])
    func `what the first block has decides nothing else`(first: Float) throws {
        var parameters = SamplingParameters()
        let tail = Self.row(3)
        let row = Array(repeating: first, count: 2048) + tail
        for (topP, minP) in [(Float(1), Float(0)), (0.9, 0), (0.3, 0), (1, 0.05)] {
            (parameters.topP, parameters.minP) = (topP, minP)
            let expected = Self.reference(row, parameters)
            for seed in 0..<200 {
                parameters.seed = UInt64(seed)
                let token = try Self.draw(row, parameters).token
                #expect((expected[token] ?? 0) > 0, "token \(token) of \(first), top-p \(topP), min-p \(minP)")
            }
        }
    }

    @Test func `of thousands of equals at its end, a nucleus has the lowest ids`() throws {
        var parameters = SamplingParameters()
        parameters.topP = 0.5
        var row = Array(repeating: Float(-6), count: 20_000)
        row[12_345] = 0
        let weight = exp(-6.0), wanted = (0.5 * (1 + 19_999 * weight) - 1) / weight
        var greatest: TokenID = 0
        for seed in 0..<2000 {
            parameters.seed = UInt64(seed)
            let token = try Self.draw(row, parameters).token
            if token != 12_345 { greatest = max(greatest, token) }
        }
        #expect(Double(greatest) < wanted + 2 && Double(greatest) > 0.98 * wanted)
    }

    @Test func `temperature 0 takes the best, the lowest id among equals`() throws {
        var parameters = SamplingParameters()
        parameters.temperature = 0
        var row = Self.row(1)
        row[700] = 50
        row[1100] = 50
        #expect(try Self.draw(row, parameters).token == 700)
    }

    @Test func `bias, permission, penalties, bad words and forbidden stops move the choice`() throws
    {
        var greedy = SamplingParameters()
        greedy.temperature = 0
        var row = Array(repeating: Float(0), count: 10)
        (row[3], row[5], row[7]) = (3, 2, 1)
        #expect(try Self.draw(row, greedy).token == 3)
        #expect(try Self.draw(row, greedy, forbidden: [3]).token == 5)
        var change = greedy
        change.logitBias = [7: 5, 3: -1, 4000: 9]
        #expect(try Self.draw(row, change).token == 7)
        change = greedy
        change.allowedTokens = [7, 9, 4000]
        #expect(try Self.draw(row, change).token == 7)
        change = greedy
        change.badWords = [[3], [1, 5], [8, 7]]
        #expect(try Self.draw(row, change, output: [8, 1]).token == 7)
        #expect(try Self.draw(row, change, output: [1, 8]).token == 5)
        change = greedy
        change.repetitionPenalty = 2
        #expect(try Self.draw(row, change, prompt: [3]).token == 5)
        #expect(try Self.draw(row, change, output: [5], prompt: [3]).token == 3)
        change = greedy
        change.frequencyPenalty = 0.6
        #expect(try Self.draw(row, change, output: [3], prompt: [3, 3, 3]).token == 3)
        #expect(try Self.draw(row, change, output: [3, 3], prompt: []).token == 5)
        change = greedy
        change.presencePenalty = 1.5
        #expect(try Self.draw(row, change, output: [3], prompt: []).token == 5)
        #expect(try Self.draw(row, change, prompt: [3]).token == 3)
    }

    @Test func `log-probabilities are those of the raw logits`() throws {
        var parameters = SamplingParameters()
        parameters.temperature = 0.2
        parameters.topK = 3
        parameters.logprobs = 6
        parameters.logitBias = [17: 100]
        let row = Self.row(8)
        let sampled = try Self.draw(row, parameters)
        #expect(sampled.token == 17)
        let best = Double(row.max()!)
        let normalizer = best + log(row.reduce(0) { $0 + exp(Double($1) - best) })
        let logprob = try #require(sampled.logprob)
        #expect(abs(Double(logprob.logprob) - (Double(row[17]) - normalizer)) < 1e-4)
        #expect(logprob.rank == row.count { $0 > row[17] } + 1)
        let order = row.indices.sorted { row[$0] > row[$1] || row[$0] == row[$1] && $0 < $1 }
        #expect(sampled.alternatives.map { Int($0.token) } == Array(order.prefix(6)))
        #expect(sampled.alternatives.map(\.rank) == Array(1...6))
        for alternative in sampled.alternatives {
            #expect(
                abs(
                    Double(alternative.logprob) - (Double(row[Int(alternative.token)]) - normalizer)
                ) < 1e-4)
        }
    }

    @Test(arguments: [Float.nan, .infinity])
    func `a row that is not finite is a failure`(value: Float) {
        for temperature in [0, 1] as [Float] {
            var parameters = SamplingParameters()
            parameters.temperature = temperature
            var row = Self.row(2)
            row[1234] = value
            #expect(throws: SamplingFailure.notFinite) { try Self.draw(row, parameters) }
        }
    }

    @Test func `a row with nothing allowed is a failure`() {
        for temperature in [0, 1] as [Float] {
            var parameters = SamplingParameters()
            parameters.temperature = temperature
            parameters.allowedTokens = [4000]
            #expect(throws: SamplingFailure.nothingAllowed) {
                try Self.draw(Self.row(2), parameters)
            }
        }
    }

    @Test func `masked tokens are never drawn, not even by a wide top-k`() throws {
        var parameters = SamplingParameters()
        parameters.allowedTokens = [5, 6]
        for (index, topK) in [0, 1, 100].enumerated() {
            parameters.topK = topK
            for seed in 0..<50 {
                parameters.seed = UInt64(seed * 3 + index)
                #expect([5, 6].contains(try Self.draw(Self.row(3), parameters).token))
            }
        }
    }

    @Test(arguments: [1, 4] as [Float])
    func `every kernel table draws the same tokens`(temperature: Float) throws {
        var index: Int32 = 0
        while let table = kernel_table_at(index) {
            var best = Sampler(kernels: table.pointee.statistics, vocabularySize: Self.size)
            var portable = Self.sampler()
            for seed in 0..<60 {
                var parameters = SamplingParameters()
                parameters.temperature = temperature
                parameters.seed = UInt64(seed)
                parameters.topP = [1, 0.9, 0.5][seed % 3]
                parameters.topK = [0, 30][seed % 2]
                parameters.logprobs = 4
                let context = Self.context(parameters)
                let row = Self.row(UInt64(seed))
                let left = try row.withUnsafeBufferPointer { try best.sample($0, context) }
                let right = try row.withUnsafeBufferPointer { try portable.sample($0, context) }
                #expect(left == right)
            }
            index += 1
        }
    }
}
