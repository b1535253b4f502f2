// SamplingFlags.swift: how a bench has tokens chosen.
import ArgumentParser
import Core

struct SamplingFlags: ParsableArguments {
    @Option(help: "How tokens are chosen, from 0, always the likeliest, to 2.")
    var temperature: Float = 0

    @Option(help: "Choose among the likeliest tokens whose probabilities sum to this; 1 for all.")
    var topP: Float = 1

    @Option(help: "Choose among so many of the likeliest tokens; 0 for all.")
    var topK = 0

    func validate() throws {
        guard (0...2).contains(temperature) else { throw ValidationError("--temperature is 0 to 2.") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p is above 0, and 1 at most.") }
        guard topK >= 0 else { throw ValidationError("--top-k is 0 or more.") }
    }

    var parameters: SamplingParameters {
        var parameters = SamplingParameters()
        parameters.temperature = temperature
        parameters.topP = topP
        parameters.topK = topK
        return parameters
    }
}
