// EngineSettings+Room.swift: benches run as many sequences as they are asked for, whatever the settings say.
import Engine

extension EngineSettings {
    /// Raises what is lower, so that so many sequences run at once.
    mutating func makeRoom(sequences: Int) {
        sequencesMax = max(sequencesMax, sequences)
        waitingMax = max(waitingMax, sequences)
        stepTokensMax = max(stepTokensMax, sequencesMax + 1)
    }
}
