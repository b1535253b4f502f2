// Refusal.swift: the fault with which a checkpoint is refused.

import Checkpoints
import Testing

/// Opens `path`, which must fail, and answers the error.
func refusal(of path: String, location: SourceLocation = #_sourceLocation) -> CheckpointError? {
    do throws(CheckpointError) {
        _ = try Checkpoint.open(path)
        Issue.record("\(path) opened", sourceLocation: location)
        return nil
    } catch {
        return error
    }
}
