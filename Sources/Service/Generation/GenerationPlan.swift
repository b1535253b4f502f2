// GenerationPlan.swift: one prompt with everything that decides its continuations. Validated where it is made.
import Core

public struct GenerationPlan: Sendable {
    public var prompt: [TokenID]
    public var choices = 1
    public var sampling = SamplingParameters()
    public var stopping: StoppingRules
    public var text = TextRules()
    public var priority = 0
    public var cacheSalt: String?

    public init(prompt: [TokenID], stopping: StoppingRules) {
        self.prompt = prompt
        self.stopping = stopping
    }
}
