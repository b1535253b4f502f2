// EngineSettings+Bench.swift: what benches in process need, whatever the settings say.
import Engine

extension EngineSettings {
    /// Raises what is lower, so that so many sequences run at once, and guesses nothing: what a model says to
    /// random prompts soon repeats itself, which would flatter every guess.
    mutating func suitRandomPrompts(sequences: Int) {
        sequencesMax = max(sequencesMax, sequences)
        waitingMax = max(waitingMax, sequences)
        stepTokensMax = max(stepTokensMax, sequencesMax + 1)
        draftRowsMax = 0
    }
}
