// RandomStreamTests.swift: the generator against its published vectors.
import Testing

@testable import Engine

@Suite struct RandomStreamTests {
    @Test func `Philox gives its published answers`() {
        let zero = RandomStream.philox(counter: (0, 0, 0, 0), key: (0, 0))
        #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        let ones = RandomStream.philox(counter: (.max, .max, .max, .max), key: (.max, .max))
        #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    }

    @Test func `seed, choice and index each change the draw, and draws fill the interval`() {
        let base = RandomStream.uniform(seed: 1, choice: 0, index: 0)
        #expect(base == RandomStream.uniform(seed: 1, choice: 0, index: 0))
        #expect(base != RandomStream.uniform(seed: 2, choice: 0, index: 0))
        #expect(base != RandomStream.uniform(seed: 1, choice: 1, index: 0))
        #expect(base != RandomStream.uniform(seed: 1, choice: 0, index: 1))
        #expect(base != RandomStream.uniform(seed: 1 | 1 << 32, choice: 0, index: 0))
        let draws = (0..<10_000).map { RandomStream.uniform(seed: 7, choice: 2, index: $0) }
        #expect(draws.allSatisfy { $0 >= 0 && $0 < 1 })
        #expect(abs(draws.reduce(0, +) / 10_000 - 0.5) < 0.01)
    }
}
