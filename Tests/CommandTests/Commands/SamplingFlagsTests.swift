// SamplingFlagsTests.swift: how a bench samples, from its flags.
import ArgumentParser
import Core
import Testing

@testable import tokenmill

struct SamplingFlagsTests {
    @Test func `without flags it is greedy`() throws {
        #expect(try SamplingFlags.parse([]).parameters == .greedy)
    }

    @Test func `flags become parameters`() throws {
        let parameters = try SamplingFlags.parse(["--temperature", "0.8", "--top-p", "0.95", "--top-k", "40"]).parameters
        #expect(parameters.temperature == 0.8 && parameters.topP == 0.95 && parameters.topK == 40)
    }

    @Test(arguments: [["--temperature", "2.1"], ["--temperature=-1"], ["--top-p", "0"], ["--top-p", "1.1"], ["--top-k=-1"]])
    func `what makes no sense is refused`(flags: [String]) {
        #expect(throws: (any Error).self) { try SamplingFlags.parse(flags) }
    }
}
