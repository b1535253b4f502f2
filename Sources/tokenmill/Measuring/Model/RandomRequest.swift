// RandomRequest.swift: what benches in process ask an engine for.
// Prompts are random, so no cache helps, and nothing stops the answer before its length.
import Core
import Engine

extension GenerationRequest {
    static func random(
        promptTokens: Int, tokensMax: Int, vocabularySize: Int, sampling: SamplingParameters = .greedy,
        using random: inout SeededRandom
    ) -> GenerationRequest {
        let prompt = (0..<promptTokens).map { _ in TokenID.random(in: 0..<TokenID(vocabularySize), using: &random) }
        return GenerationRequest(prompt: prompt, sampling: sampling, stopping: StoppingRules(tokensMax: tokensMax))
    }
}
