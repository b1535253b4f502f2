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

final class Splitter: Sendable {
    let stages: [SplitStage]

    init(stages: [SplitStage]) { self.stages = stages }

    /// Calls `body` with each word of `[start, end)`, in order; words are never empty.
    @inline(__always)
    func split(_ text: SplitText, _ start: Int, _ end: Int, _ body: (Int, Int) -> Void) {
        var stack = BacktrackStack(textBytes: end - start, stages: stages.count)
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
        let after = stage + 1
        let isLast = after == stages.count
        /// Passes a piece on; the last stage calls `body` without another turn of the recursion.
        @inline(__always)
        func pass(_ start: Int, _ end: Int, _ stack: inout BacktrackStack) {
            if isLast {
                if start < end { body(start, end) }
            } else {
                split(text, start, end, stage: after, &stack, body)
            }
        }
        /// Cuts at the matches that `find` gives, each at or after the place it is asked for.
        @inline(__always)
        func cut(
            _ stack: inout BacktrackStack,
            _ find: (Int, inout BacktrackStack) -> (start: Int, end: Int)?
        ) {
            var position = start  // everything before it has been passed on
            var search = start
            while search < end, let found = find(search, &stack) {
                pass(position, found.start, &stack)
                pass(found.start, found.end, &stack)
                position = found.end
                search = found.end
                if found.end == found.start {
                    if found.end >= end { break }
                    search += UTF8Width.of(leading: text.base[found.end])
                }
            }
            pass(position, end, &stack)
        }
        /// Cuts text of which every character is in a word that begins where the last one ends.
        @inline(__always)
        func walk(_ stack: inout BacktrackStack, _ wordEnd: (Int) -> Int) {
            var position = start
            while position < end {
                let next = wordEnd(position)
                pass(position, next, &stack)
                position = next
            }
        }
        guard stages[stage].behavior == .isolated else {
            for piece in pieces(text, start, end, stages[stage], &stack) {
                pass(piece.start, piece.end, &stack)
            }
            return
        }
        // One switch per text, not per word: what a pattern holds is not copied for each word.
        switch stages[stage].pattern {
        case .gpt2: walk(&stack) { text.gpt2Word($0, end) }
        case .words(let rules): walk(&stack) { text.word($0, end, rules) }
        case .casedWords(let rules): walk(&stack) { text.casedWord($0, end, rules) }
        case .deepSeekWords: cut(&stack) { place, _ in text.deepSeekWord(place, end) }
        case .numbers(let max): cut(&stack) { place, _ in text.numbers(place, end, max: max) }
        case .trailingSpace: cut(&stack) { place, _ in text.trailingSpace(place, end) }
        case .marks(let keeps): walk(&stack) { text.markedWord($0, end, keeps: keeps) }
        case .literal(let bytes): cut(&stack) { place, _ in text.find(bytes, place, end) }
        case .expression(let expression):
            cut(&stack) { place, stack in
                expression.next(text, from: place, to: end, begin: start, &stack)
            }
        }
    }

    /// The pieces of a stage whose matches are dropped or joined with their neighbours.
    private func pieces(
        _ text: SplitText, _ start: Int, _ end: Int, _ rule: SplitStage,
        _ stack: inout BacktrackStack
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
