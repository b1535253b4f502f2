// Expression+Compiler.swift: turns a parsed pattern into the program that `Expression` runs.

extension Expression {
    struct Compiler {
        var program: [Instruction] = []
        var sets: [CharacterSet] = []

        /// Appends the instructions of `node`; false when a repeat would spin or grow too large.
        mutating func emit(_ node: ExpressionNode) -> Bool {
            if program.count > Expression.instructionsMax { return false }
            switch node {
            case .set(let set): program.append(.set(number(of: set)))
            case .sequence(let nodes):
                for node in nodes where !emit(node) { return false }
            case .choice(let nodes): return emitChoice(nodes)
            case .repeat(let body, let least, let most, let mode):
                return emitRepeat(body, least, most, mode)
            case .look(let body, let isNegated):
                let place = program.count
                program.append(.look(end: 0, isNegated: isNegated))
                guard emit(body) else { return false }
                program.append(.match)
                program[place] = .look(end: program.count, isNegated: isNegated)
            case .begin: program.append(.begin)
            case .end: program.append(.end)
            case .wordBoundary(let isNegated): program.append(.wordBoundary(isNegated: isNegated))
            }
            return true
        }

        private mutating func number(of set: CharacterSet) -> Int {
            if let known = sets.firstIndex(of: set) { return known }
            sets.append(set)
            return sets.count - 1
        }

        private mutating func emitChoice(_ nodes: [ExpressionNode]) -> Bool {
            var jumps: [Int] = []
            for (index, node) in nodes.enumerated() {
                if index + 1 == nodes.count { guard emit(node) else { return false }; break }
                let split = program.count
                program.append(.match)
                guard emit(node) else { return false }
                jumps.append(program.count)
                program.append(.match)
                program[split] = .split(first: split + 1, second: program.count)
            }
            for jump in jumps { program[jump] = .jump(program.count) }
            return true
        }

        private mutating func emitRepeat(
            _ body: ExpressionNode, _ least: Int, _ most: Int?, _ mode: RepeatMode
        ) -> Bool {
            if case .set(let set) = body {
                program.append(.run(set: number(of: set), min: least, max: most ?? .max, mode))
                return true
            }
            if case .sequence(let nodes) = body, nodes.count == 1 {
                return emitRepeat(nodes[0], least, most, mode)
            }
            // A body that matches nothing would repeat for ever.
            if most == nil, Compiler.first(of: body).matchesEmpty { return false }
            let atomic = mode == .possessive ? program.count : nil
            if atomic != nil { program.append(.match) }
            for _ in 0..<least where !emit(body) { return false }
            if let most {
                var splits: [Int] = []
                for _ in least..<max(least, most) {
                    splits.append(program.count)
                    program.append(.match)
                    guard emit(body) else { return false }
                }
                for split in splits { program[split] = self.split(mode, body: split + 1, after: program.count) }
            } else {
                let loop = program.count
                program.append(.match)
                guard emit(body) else { return false }
                program.append(.jump(loop))
                program[loop] = split(mode, body: loop + 1, after: program.count)
            }
            if let atomic {
                program.append(.match)
                program[atomic] = .atomic(end: program.count)
            }
            return true
        }

        private func split(_ mode: RepeatMode, body: Int, after: Int) -> Instruction {
            mode == .lazy ? .split(first: after, second: body) : .split(first: body, second: after)
        }

        /// The bytes a match may begin with, and whether it may be empty.
        static func first(of node: ExpressionNode) -> (bytes: ByteSet, matchesEmpty: Bool) {
            switch node {
            case .set(let set): return (set.firstBytes, false)
            case .sequence(let nodes):
                var bytes = ByteSet()
                for node in nodes {
                    let (first, isEmpty) = first(of: node)
                    bytes.formUnion(first)
                    if !isEmpty { return (bytes, false) }
                }
                return (bytes, true)
            case .choice(let nodes):
                var bytes = ByteSet()
                var matchesEmpty = false
                for node in nodes {
                    let (first, isEmpty) = first(of: node)
                    bytes.formUnion(first)
                    matchesEmpty = matchesEmpty || isEmpty
                }
                return (bytes, matchesEmpty)
            case .repeat(let body, let least, _, _):
                let (first, isEmpty) = first(of: body)
                return (first, isEmpty || least == 0)
            case .look, .begin, .end, .wordBoundary:
                return (.all, true)
            }
        }
    }
}
