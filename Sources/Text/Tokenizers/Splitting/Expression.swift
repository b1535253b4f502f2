// Expression.swift: a split pattern that has no hand-written scanner, as a small program.
// Backtracking with an explicit stack, so depth costs memory, not the thread's stack. Its work per
// text is bounded (BacktrackStack); a pattern that runs away on a text stops splitting it.

struct Expression: Sendable {
    enum Instruction: Sendable {
        case set(Int)
        /// As many characters of a set as there are, giving them back one by one when asked.
        case run(set: Int, min: Int, max: Int, RepeatMode)
        /// Tries `first`, then `second`.
        case split(first: Int, second: Int)
        case jump(Int)
        /// Whether what follows up to `end` matches here, without eating it.
        case look(end: Int, isNegated: Bool)
        /// Matches what follows up to `end`, and never comes back into it.
        case atomic(end: Int)
        case begin
        case end
        case wordBoundary(isNegated: Bool)
        case match
    }

    /// One top-level alternative: where its program begins and with which bytes it can.
    private struct Option: Sendable {
        let entry: Int
        let firstBytes: ByteSet
        let matchesEmpty: Bool
    }

    let pattern: String
    private let program: [Instruction]
    private let sets: [CharacterSet]
    private let asciiSets: [ByteSet]
    private let options: [Option]
    /// The bytes with which any match may begin; all of them when a match may be empty.
    private let starts: ByteSet
    /// The program may hold this many instructions, repeats counted out.
    static let instructionsMax = 20_000

    init(_ pattern: String) throws(TokenizerError) {
        var parser = ExpressionParser(pattern)
        let node = try parser.parse()
        var compiler = Compiler()
        var options: [Option] = []
        let alternatives: [ExpressionNode]
        if case .choice(let nodes) = node { alternatives = nodes } else { alternatives = [node] }
        for alternative in alternatives {
            let entry = compiler.program.count
            let isCompiled = compiler.emit(alternative)
            compiler.program.append(.match)
            if !isCompiled || compiler.program.count > Self.instructionsMax {
                throw .pattern(pattern, offset: 0, reason: "repeats too much or repeats nothing")
            }
            let (first, isEmpty) = Compiler.first(of: alternative)
            options.append(Option(entry: entry, firstBytes: first, matchesEmpty: isEmpty))
        }
        self.pattern = pattern
        self.options = options
        starts = options.reduce(into: ByteSet()) { set, option in
            set.formUnion(option.matchesEmpty ? .all : option.firstBytes)
        }
        program = compiler.program
        sets = compiler.sets
        let table = CharacterTable.shared.view
        asciiSets = compiler.sets.map { set in
            var bytes = ByteSet()
            for byte in UInt8(0)..<0x80 where set.contains(UInt32(byte), table) {
                bytes.insert(byte)
            }
            return bytes
        }
    }

    /// The first match at or after `start` in the text `[begin, end)`.
    func next(
        _ text: SplitText, from start: Int, to end: Int, begin: Int, _ stack: inout BacktrackStack
    ) -> (start: Int, end: Int)? {
        var offset = start
        while offset <= end {
            while offset < end, !starts.contains(text.base[offset]) { offset += 1 }
            let byte = offset < end ? text.base[offset] : 0
            for option in options
            where option.matchesEmpty || (offset < end && option.firstBytes.contains(byte)) {
                let found = run(option.entry, text, at: offset, begin: begin, end: end, &stack)
                if let found { return (offset, found) }
                if stack.stepsLeft <= 0 { return nil }
            }
            if offset == end { break }
            offset += UTF8Width.of(leading: byte)
        }
        return nil
    }

    @inline(__always)
    private func holds(_ set: Int, _ text: SplitText, at offset: Int) -> (Bool, width: Int) {
        let byte = text.base[offset]
        if byte < 0x80 { return (asciiSets[set].contains(byte), 1) }
        let (value, width) = text.scalar(at: offset)
        return (sets[set].contains(value, text.table), width)
    }

    /// Runs the program from `entry` at `offset` and returns where its match ends.
    private func run(
        _ entry: Int, _ text: SplitText, at start: Int, begin: Int, end: Int,
        _ stack: inout BacktrackStack
    ) -> Int? {
        let floor = stack.count
        defer { stack.cut(to: floor) }
        var counter = entry
        var offset = start
        while true {
            stack.stepsLeft -= 1
            if stack.stepsLeft <= 0 { return nil }
            var isFailed = false
            switch program[counter] {
            case .set(let set):
                if offset < end {
                    let (isIn, width) = holds(set, text, at: offset)
                    isFailed = !isIn
                    if isIn { offset += width }
                } else {
                    isFailed = true
                }
                counter += 1
            case .run(let set, let least, let most, let mode):
                let found = eat(set, least, most, mode, text, from: offset, to: end, &stack.stepsLeft)
                counter += 1
                if let found {
                    if mode == .greedy, found.end > found.floor {
                        stack.push(
                            .init(counter: counter, offset: found.end, floor: found.floor, set: -1))
                    } else if mode == .lazy, most > least {
                        stack.push(
                            .init(
                                counter: counter, offset: found.end, floor: most - least, set: set))
                    }
                    offset = found.end
                } else {
                    isFailed = true
                }
            case .split(let first, let second):
                stack.push(.init(counter: second, offset: offset, floor: offset, set: -1))
                counter = first
            case .jump(let target):
                counter = target
            case .look(let after, let isNegated):
                let found = run(counter + 1, text, at: offset, begin: begin, end: end, &stack)
                isFailed = (found == nil) != isNegated
                counter = after
            case .atomic(let after):
                if let found = run(counter + 1, text, at: offset, begin: begin, end: end, &stack) {
                    offset = found
                } else {
                    isFailed = true
                }
                counter = after
            case .begin:
                isFailed = offset != begin
                counter += 1
            case .end:
                isFailed = offset != end
                counter += 1
            case .wordBoundary(let isNegated):
                isFailed = isWordBoundary(text, offset, begin, end) == isNegated
                counter += 1
            case .match:
                return offset
            }
            if isFailed {
                guard let place = resume(&stack, floor, text, end) else { return nil }
                (counter, offset) = place
            }
        }
    }

    /// Eats characters of a set; `floor` is how far they may be given back.
    private func eat(
        _ set: Int, _ least: Int, _ most: Int, _ mode: RepeatMode, _ text: SplitText,
        from start: Int, to end: Int, _ steps: inout Int
    ) -> (end: Int, floor: Int)? {
        var offset = start
        var floor = start
        var count = 0
        let wanted = mode == .lazy ? least : most
        while count < wanted, offset < end {
            let (isIn, width) = holds(set, text, at: offset)
            if !isIn { break }
            offset += width
            count += 1
            if count == least { floor = offset }
        }
        steps -= count / 8
        return count >= least ? (offset, floor) : nil
    }

    /// The next thing to try, or nil when nothing above `floor` is left.
    private func resume(
        _ stack: inout BacktrackStack, _ floor: Int, _ text: SplitText, _ end: Int
    ) -> (Int, Int)? {
        while stack.count > floor, var frame = stack.pop() {
            if frame.set >= 0 {
                // A lazy run takes one character more.
                guard frame.floor > 0, frame.offset < end else { continue }
                let (isIn, width) = holds(frame.set, text, at: frame.offset)
                if !isIn { continue }
                frame.offset += width
                frame.floor -= 1
                stack.push(frame)
                return (frame.counter, frame.offset)
            }
            if frame.offset > frame.floor {
                // A greedy run gives one character back.
                frame.offset = text.characterStart(before: frame.offset)
                if frame.offset > frame.floor { stack.push(frame) }
            }
            return (frame.counter, frame.offset)
        }
        return nil
    }

    private func isWordBoundary(_ text: SplitText, _ offset: Int, _ begin: Int, _ end: Int) -> Bool
    {
        func isWord(_ place: Int) -> Bool {
            CharacterSet.wordCharacters.contains(text.scalar(at: place).value, text.table)
        }
        let before = offset > begin && isWord(text.characterStart(before: offset))
        let after = offset < end && isWord(offset)
        return before != after
    }
}
