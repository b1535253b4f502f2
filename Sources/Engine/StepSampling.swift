// StepSampling.swift: the rows of logits of one step become tokens, spread over the model's workers.
// A worker touches the choice it draws for and nothing that is shared; who is told what comes afterwards,
// in order, so that nothing depends on who was faster.
import Core
import Kernels
import Models
import Scheduling

/// What came of one of `StepPlan.samples`.
enum Draw {
    /// The token, which its choice goes on with already, and why it is the last, if it is.
    case token(SampledToken, FinishReason?)
    case failed(SamplingFailure, position: Int)
    /// The request only wants its prompt read.
    case unwanted
    /// The row stands behind a draft token that was not chosen.
    case unreached
}

/// What is wanted of the rows of a step, and what came of it. Kept from step to step for its memory.
struct StepSampling {
    /// In the order in which they were asked for.
    private(set) var scores: [Result<SampledToken, SamplingFailure>] = []
    private(set) var draws: [Draw] = []
    private var parts: [SamplingPart] = []
    /// By worker.
    private var samplers: [Sampler]
    private let vocabularySize: Int

    init(kernels: UnsafePointer<statistics_kernels>, model: any ForwardPass) {
        vocabularySize = model.vocabularySize
        let sampler = Sampler(kernels: kernels, vocabularySize: vocabularySize)
        samplers = Array(repeating: sampler, count: model.workers)
    }

    /// The log-probability of a prompt token, which the row predicts.
    mutating func score(_ token: TokenID, alternatives: Int, row: Int) {
        parts.append(SamplingPart(firstRow: row, work: .score(token, alternatives: alternatives)))
    }

    /// The next token of a choice, and further ones, each from the row behind the one before it, for as long as
    /// the draft says what is drawn: the answer is that of a step for every token.
    mutating func draw(_ choice: Choice, row: Int, draft: [TokenID] = []) {
        parts.append(SamplingPart(firstRow: row, work: .draw(choice, draft: draft)))
    }

    /// Replaces `scores` and `draws` by those of all that was asked for since the last run.
    /// - logits: `[output rows, vocabularySize]`.
    mutating func run(_ logits: UnsafeBufferPointer<Float>, on model: any ForwardPass) {
        let columns = vocabularySize
        parts.withUnsafeMutableBufferPointer { parts in
            samplers.withUnsafeMutableBufferPointer { samplers in
                model.spread(parts.count) { part, worker in
                    let rows = UnsafeBufferPointer(rebasing: logits[(parts[part].firstRow * columns)...])
                    parts[part].run(rows, columns, &samplers[worker])
                }
            }
        }
        scores.removeAll(keepingCapacity: true)
        draws.removeAll(keepingCapacity: true)
        for part in parts {
            if let score = part.score { scores.append(score) }
            draws.append(contentsOf: part.draws)
        }
        parts.removeAll(keepingCapacity: true)
    }
}

/// Rows that a single worker looks at, and what it found.
private struct SamplingPart {
    enum Work {
        case score(TokenID, alternatives: Int)
        case draw(Choice, draft: [TokenID])
    }

    let firstRow: Int
    let work: Work
    var score: Result<SampledToken, SamplingFailure>?
    /// One for the known token, and one for each of the draft.
    var draws: [Draw] = []

    init(firstRow: Int, work: Work) {
        self.firstRow = firstRow
        self.work = work
    }

    /// - rows: from the first row on.
    mutating func run(_ rows: UnsafeBufferPointer<Float>, _ columns: Int, _ sampler: inout Sampler) {
        switch work {
        case .score(let token, let alternatives):
            do {
                let row = UnsafeBufferPointer(rebasing: rows[..<columns])
                score = .success(try sampler.report(row, token: token, alternatives: alternatives))
            } catch {
                score = .failure(error)
            }
        case .draw(let choice, let draft):
            draws = Array(repeating: .unreached, count: 1 + draft.count)
            for place in draws.indices {
                let row = UnsafeBufferPointer(rebasing: rows[place * columns..<(place + 1) * columns])
                draws[place] = choice.draw(row, with: &sampler)
                guard place < draft.count, case .token(let sampled, nil) = draws[place],
                    sampled.token == draft[place]
                else { break }
            }
        }
    }
}
