// Loop.swift: the `for` statement and the `loop` variable within it.

extension Jinja {
    /// `loop`: the place of one iteration among all.
    final class Loop: Object {
        private let items: Generator
        private var length: Int?
        private let depth0: Int
        private var index = -1
        private var ahead: [Value] = []
        private var previous: Value?
        private var current: Value?
        private var changedValue: [Value]?
        private let recurse: ((Value, Int) throws -> Value)?

        init(
            _ items: Generator, length: Int?, depth0: Int,
            recurse: ((Value, Int) throws -> Value)?
        ) {
            self.items = items
            self.length = length
            self.depth0 = depth0
            self.recurse = recurse
        }

        override var typeName: String { "LoopContext" }
        override var depth: Int { items.depth + 1 }
        override var isCallable: Bool { true }

        func advance() throws -> Value? {
            let next = ahead.isEmpty ? try items.next() : ahead.removeFirst()
            guard let next else { return nil }
            index += 1
            previous = current
            current = next
            return next
        }

        private func peek() throws -> Value? {
            if ahead.isEmpty, let next = try items.next() { ahead.append(next) }
            return ahead.first
        }

        private func total() throws -> Int {
            if let length { return length }
            while let next = try items.next() { ahead.append(next) }
            length = index + 1 + ahead.count
            return index + 1 + ahead.count
        }

        /// Attributes that may have to look ahead, and so may fail.
        func member(_ name: String, _ renderer: Renderer) throws -> Value? {
            switch name {
            case "index": return .integer(index + 1)
            case "index0": return .integer(index)
            case "first": return .bool(index == 0)
            case "last": return .bool(try peek() == nil)
            case "length": return .integer(try total())
            case "revindex": return .integer(try total() - index)
            case "revindex0": return .integer(try total() - index - 1)
            case "depth": return .integer(depth0 + 1)
            case "depth0": return .integer(depth0)
            case "previtem": return previous ?? .undefined("there is no previous item")
            case "nextitem": return try peek() ?? .undefined("there is no next item")
            case "cycle":
                return .object(
                    Method(.object(self), name) { [self] _, arguments, _ in
                        let items = arguments.positional
                        guard !items.isEmpty else {
                            throw TemplateError.type("no items for cycling given")
                        }
                        return items[index % items.count]
                    })
            case "changed":
                return .object(
                    Method(.object(self), name) { [self] _, arguments, renderer in
                        let new = arguments.positional
                        if let old = changedValue, try renderer.areEqual(old, new) {
                            return .bool(false)
                        }
                        changedValue = new
                        return .bool(true)
                    })
            default: return nil
            }
        }

        override func text(_ printer: inout Printer) throws {
            printer.append("<LoopContext \(index + 1)/\(try total())>")
        }

        override func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            guard let recurse else {
                throw TemplateError.type(
                    "The loop must have the 'recursive' marker to be called recursively.")
            }
            let iterable = try arguments.bind(["iterable"], function: "loop", required: 1)
            return try recurse(iterable[0] ?? .none, depth0 + 1)
        }
    }
}

extension Jinja.Renderer {
    func run(_ loop: Jinja.ForLoop) throws {
        try run(loop, over: try evaluate(loop.iterable), depth0: 0)
    }

    private func run(_ loop: Jinja.ForLoop, over iterable: Jinja.Value, depth0: Int) throws {
        let outer = scope
        defer { scope = outer }
        var items = try iterator(over: iterable)
        var length = iterable.sequence?.count
        if let test = loop.test {
            items = filtered(items, loop.target, test, outer)
            length = nil
        }
        var context: Jinja.Loop?
        if loop.usesLoop {
            var recurse: ((Jinja.Value, Int) throws -> Jinja.Value)?
            if loop.isRecursive {
                recurse = { [unowned self] iterable, depth0 in
                    .string(
                        try captureOutput {
                            try with(outer) { try run(loop, over: iterable, depth0: depth0) }
                        })
                }
            }
            context = Jinja.Loop(items, length: length, depth0: depth0, recurse: recurse)
            if context?.depth ?? 0 > limits.depthMax {
                throw TemplateError.limit("depthMax", limits.depthMax)
            }
        }
        var isEmpty = true
        while let item = try context == nil ? items.next() : context?.advance() {
            isEmpty = false
            try charge()
            scope = Jinja.Scope(outer)
            if let context { scope?.set(Jinja.Symbol.loop, .object(context)) }
            try assign(loop.target, item)
            if try execute(loop.body) == .breakLoop { return }
        }
        if isEmpty, !loop.otherwise.isEmpty {
            scope = Jinja.Scope(outer)
            _ = try execute(loop.otherwise)
        }
    }

    private func filtered(
        _ items: Jinja.Generator, _ target: Jinja.Target, _ test: Jinja.Expression,
        _ outer: Jinja.Scope?
    ) -> Jinja.Generator {
        Jinja.Generator(depth: items.depth) { [unowned self] in
            while let item = try items.next() {
                try charge()
                let passes = try with(Jinja.Scope(outer)) {
                    try assign(target, item)
                    return try evaluate(test).isTrue
                }
                if passes { return item }
            }
            return nil
        }
    }

    /// The values of anything that Python can iterate.
    func iterator(over value: Jinja.Value) throws -> Jinja.Generator {
        switch value {
        case .generator(let generator): return generator
        case .undefined: return Jinja.Generator(over: [])
        case .list(let elements), .tuple(let elements):
            return Jinja.Generator(over: elements.values, depth: elements.depth)
        case .dictionary(let dictionary):
            return Jinja.Generator(over: dictionary.keys, depth: dictionary.depth)
        case .string(let text), .markup(let text):
            var scalars = text.unicodeScalars.makeIterator()
            return Jinja.Generator(depth: 0) {
                scalars.next().map { .string(String(Character($0))) }
            }
        case .object(let object):
            if let elements = object.elements {
                try charge(elements.count)
                return Jinja.Generator(over: elements, depth: object.depth)
            }
            if let loop = object as? Jinja.Loop {
                return Jinja.Generator(depth: loop.depth) {
                    try loop.advance().map { .tuple([$0, .object(loop)]) }
                }
            }
        default: break
        }
        throw TemplateError.type("'\(value.typeName)' object is not iterable")
    }

    /// All values of anything that Python can iterate.
    func elements(of value: Jinja.Value) throws -> [Jinja.Value] {
        if let sequence = value.sequence {
            try charge(sequence.count)
            return sequence
        }
        let iterator = try iterator(over: value)
        var values: [Jinja.Value] = []
        while let next = try iterator.next() {
            try charge()
            values.append(next)
        }
        return values
    }
}
