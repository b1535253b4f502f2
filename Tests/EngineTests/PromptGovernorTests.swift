// PromptGovernorTests.swift: the governor against a machine that is arithmetic: no clock is looked at.
import Testing

@testable import Engine

@Suite struct PromptGovernorTests {
    /// Seconds of a step: a fixed part, rows of streams, and rows of prompts whose cost grows with their context.
    private struct Machine {
        var base = 0.002
        var stream = 0.001
        var prompt = 0.0008
        var perPosition = 0.0

        func seconds(streams: Int, promptTokens: Int, position: Int) -> Double {
            let row = prompt + perPosition * Double(position)
            return base + stream * Double(streams) + row * Double(promptTokens)
        }
    }

    @Test(arguments: [4, 16, 64], [0.0, 0.000_000_6])
    func `steps with a long prompt take less than twice as long as those without`(
        streams: Int, perPosition: Double
    ) {
        let machine = Machine(perPosition: perPosition)
        var governor = PromptGovernor()
        let alone = machine.seconds(streams: streams, promptTokens: 0, position: 0)
        for _ in 0..<20 { governor.learn(streams: streams, promptTokens: 0, longTokens: 0, seconds: alone) }
        var position = 0, steps = 0
        while position < 4096 {
            let tokens = min(governor.promptTokensMax(streams: streams), 4096 - position)
            let seconds = machine.seconds(streams: streams, promptTokens: tokens, position: position)
            if steps > 0, tokens > PromptGovernor.tokensLeast { #expect(seconds < 2 * alone, "at \(position)") }
            governor.learn(streams: streams, promptTokens: tokens, longTokens: tokens, seconds: seconds)
            position += tokens
            steps += 1
        }
        #expect(steps < 4096 / PromptGovernor.tokensLeast * 17 / 16 + 2)
    }

    @Test func `streams that slow down by themselves do not cut the prompt`() {
        var governor = PromptGovernor(), machine = Machine()
        func step(_ tokens: Int) {
            governor.learn(
                streams: 16, promptTokens: tokens, longTokens: tokens,
                seconds: machine.seconds(streams: 16, promptTokens: tokens, position: 0))
        }
        step(0)
        for _ in 0..<10 { step(governor.promptTokensMax(streams: 16)) }
        let before = governor.promptTokensMax(streams: 16)
        machine.stream *= 2
        var counts: [Int] = []
        for _ in 0..<200 {
            counts.append(governor.promptTokensMax(streams: 16))
            step(counts.last!)
        }
        #expect(counts.last! > before * 3 / 2)
        // Looking costs one step in sixteen.
        #expect((11...13).contains(counts.count { $0 == 1 }))
    }

    /// Each long prompt gets a token at least, so that two have two; and short prompts may come between.
    @Test(arguments: [2, 1], [0, 100])
    func `a look ends after one step, whatever else the step had`(longTokens: Int, shortTokens: Int) {
        var governor = PromptGovernor()
        governor.learn(streams: 16, promptTokens: 0, longTokens: 0, seconds: 0.02)
        for _ in 0..<PromptGovernor.stepsBetweenLooks {
            governor.learn(streams: 16, promptTokens: 16, longTokens: 16, seconds: 0.03)
        }
        #expect(governor.promptTokensMax(streams: 16) == 1)
        governor.learn(
            streams: 16, promptTokens: longTokens + shortTokens, longTokens: longTokens, seconds: 0.022)
        #expect(governor.promptTokensMax(streams: 16) >= PromptGovernor.tokensLeast)
    }

    @Test(arguments: [1, 16]) func `streams that were never seen alone are learned beside the prompt`(streams: Int) {
        var known = PromptGovernor(), unknown = PromptGovernor()
        let machine = Machine()
        func step(_ governor: inout PromptGovernor, _ tokens: Int) {
            governor.learn(
                streams: streams, promptTokens: tokens, longTokens: tokens,
                seconds: machine.seconds(streams: streams, promptTokens: tokens, position: 0))
        }
        step(&known, 0)
        for _ in 0..<200 {
            step(&known, known.promptTokensMax(streams: streams))
            step(&unknown, unknown.promptTokensMax(streams: streams))
        }
        let (wanted, got) = (known.promptTokensMax(streams: streams), unknown.promptTokensMax(streams: streams))
        #expect(abs(wanted - got) <= max(1, wanted / 10), "\(got) instead of \(wanted)")
        if streams == 16 { #expect(got > PromptGovernor.tokensLeast && got != streams) }
    }

    @Test func `nobody is spared where nobody streams`() {
        #expect(PromptGovernor().promptTokensMax(streams: 0) == .max)
    }

    @Test func `steps with short prompts teach nothing`() {
        var governor = PromptGovernor()
        governor.learn(streams: 4, promptTokens: 0, longTokens: 0, seconds: 0.01)
        governor.learn(streams: 4, promptTokens: 16, longTokens: 16, seconds: 0.02)
        let before = governor.promptTokensMax(streams: 4)
        governor.learn(streams: 4, promptTokens: 100, longTokens: 16, seconds: 5)
        #expect(governor.promptTokensMax(streams: 4) == before)
    }
}
