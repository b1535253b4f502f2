// UnigramModel.swift: the most likely segmentation of a text into pieces, by Viterbi's algorithm.
// Scores add up in Float from the start of the text, as the reference does, so that near ties fall
// the same way. Source: Kudo 2018; SentencePiece.
import Core

struct UnigramModel: Sendable {
    let trie: ByteTrie
    let scores: FrozenArray<Float>
    /// Score of one character that no piece covers.
    let unknownScore: Float
    let unknown: UnknownPolicy

    /// - pieces: text, id and score; user-defined pieces come with a score that wins over any split.
    init(pieces: [(bytes: [UInt8], value: TokenID)], scores: [Float], unknown: UnknownPolicy) {
        trie = ByteTrie(pieces)
        self.scores = FrozenArray(scores)
        self.unknown = unknown
        let lowest = pieces.map { scores[Int($0.value)] }.min() ?? 0
        // SentencePiece's penalty: ten below the worst piece.
        unknownScore = lowest - 10
    }

    /// Appends the ids of one text, at least one byte long.
    func encode(_ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: EncodeScratch) {
        scratch.viterbi.reset(count)
        search(text, count, &scratch.viterbi)
        let first = scratch.output.count
        var end = count
        // The path is read from its end, so it arrives reversed.
        var path: [(id: TokenID, start: Int, end: Int)] = []
        while end > 0 {
            let start = Int(scratch.viterbi.starts[end])
            path.append((scratch.viterbi.ids[end], start, end))
            end = start
        }
        for step in path.reversed() {
            if step.id >= 0 {
                scratch.output.append(step.id)
            } else {
                unknown.append(text + step.start, step.end - step.start, from: first, to: &scratch.output)
            }
        }
    }

    private func search(_ text: UnsafePointer<UInt8>, _ count: Int, _ buffers: inout ViterbiBuffers) {
        buffers.scores.withUnsafeMutableBufferPointer { best in
            buffers.starts.withUnsafeMutableBufferPointer { starts in
                buffers.ids.withUnsafeMutableBufferPointer { ids in
                    var position = 0
                    while position < count {
                        let width = min(UTF8Width.of(leading: text[position]), count - position)
                        let base = best[position]
                        var hasWholeCharacter = false
                        var node: UInt32 = 0
                        var end = position
                        while end < count, let deeper = trie.step(node, text[end]) {
                            node = deeper
                            end += 1
                            let id = trie.value(node)
                            if id < 0 { continue }
                            let score = base + scores.base[Int(id)]
                            if starts[end] < 0 || score > best[end] {
                                best[end] = score
                                starts[end] = Int32(truncatingIfNeeded: position)
                                ids[end] = id
                            }
                            if end - position == width { hasWholeCharacter = true }
                        }
                        if !hasWholeCharacter {
                            let score = base + unknownScore
                            let next = position + width
                            if starts[next] < 0 || score > best[next] {
                                best[next] = score
                                starts[next] = Int32(truncatingIfNeeded: position)
                                ids[next] = -1
                            }
                        }
                        position += width
                    }
                }
            }
        }
    }
}
