// Splitter.swift: cuts a text into the words that are encoded on their own, stage after stage.
// A stage finds its matches in every piece of the stage before it and says what becomes of matches
// and of the text between them. Nothing is copied: a word is a range of the text.

struct SplitStage: Sendable {
    /// What becomes of a match. Named as in tokenizer.json.
    enum Behavior: Sendable {
        case isolated, removed, mergedWithPrevious, mergedWithNext, contiguous
    }

    var pattern: SplitPattern
    var behavior = Behavior.isolated
    /// Whether the text between matches is what the behavior applies to.
    var isInverted = false
}

struct Splitter: Sendable {
    let stages: [SplitStage]

    /// Calls `body` with each word of `[start, end)`, in order; words are never empty.
    func split(
        _ text: SplitText, _ start: Int, _ end: Int, _ stack: inout BacktrackStack,
        _ body: (Int, Int) -> Void
    ) {
        split(text, start, end, stage: 0, &stack, body)
    }

    private func split(
        _ text: SplitText, _ start: Int, _ end: Int, stage: Int, _ stack: inout BacktrackStack,
        _ body: (Int, Int) -> Void
    ) {
        if start >= end { return }
        if stage == stages.count {
            body(start, end)
            return
        }
        let rule = stages[stage]
        if rule.behavior != .isolated {
            for piece in pieces(text, start, end, rule, &stack) {
                split(text, piece.start, piece.end, stage: stage + 1, &stack, body)
            }
            return
        }
        var position = start        // everything before it has been passed on
        var search = start
        while search < end {
            let found = rule.pattern.next(text, from: search, to: end, begin: start, &stack)
            guard let found else { break }
            split(text, position, found.start, stage: stage + 1, &stack, body)
            split(text, found.start, found.end, stage: stage + 1, &stack, body)
            position = found.end
            search = found.end
            if found.end == found.start {
                if found.end >= end { break }
                search += UTF8Width.of(leading: text.base[found.end])
            }
        }
        split(text, position, end, stage: stage + 1, &stack, body)
    }

    /// The pieces of a stage whose matches are dropped or joined with their neighbours.
    private func pieces(
        _ text: SplitText, _ start: Int, _ end: Int, _ rule: SplitStage, _ stack: inout BacktrackStack
    ) -> [(start: Int, end: Int)] {
        var parts: [(start: Int, end: Int, isMatch: Bool)] = []
        var position = start
        while position < end {
            let found = rule.pattern.next(text, from: position, to: end, begin: start, &stack)
            guard let found, found.end > found.start else { break }
            if found.start > position { parts.append((position, found.start, rule.isInverted)) }
            parts.append((found.start, found.end, !rule.isInverted))
            position = found.end
        }
        if position < end { parts.append((position, end, rule.isInverted)) }
        var result: [(start: Int, end: Int)] = []
        var wasMatch = false
        for (index, part) in parts.enumerated() {
            let joins: Bool
            switch rule.behavior {
            case .isolated: joins = false
            case .removed:
                if part.isMatch { continue }
                joins = false
            case .mergedWithPrevious: joins = part.isMatch && !wasMatch
            case .mergedWithNext: joins = wasMatch && !part.isMatch
            case .contiguous: joins = part.isMatch == wasMatch
            }
            if joins, index > 0, let last = result.indices.last {
                result[last].end = part.end
            } else {
                result.append((part.start, part.end))
            }
            wasMatch = part.isMatch
        }
        return result
    }
}
