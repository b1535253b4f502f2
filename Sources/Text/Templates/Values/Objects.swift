// Objects.swift: the values with attributes and state that Jinja itself makes.

extension Jinja {
    /// `namespace(...)`: the one value whose members a template may change.
    final class Namespace: Object {
        var members = Dictionary()
        override var typeName: String { "Namespace" }
        override func attribute(_ name: String) -> Value? { members.value(name) }

        override func text(_ printer: inout Printer) throws {
            printer.append("<Namespace ")
            try printer.append(members)
            printer.append(">")
        }
    }

    /// A function of the interpreter's own.
    final class Function: Object {
        let name: String
        private let body: (CallArguments, Renderer) throws -> Value

        init(_ name: String, _ body: @escaping (CallArguments, Renderer) throws -> Value) {
            self.name = name
            self.body = body
        }

        override var typeName: String { "function" }
        override var isCallable: Bool { true }
        override func text(_ printer: inout Printer) { printer.append("<function \(name)>") }

        override func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            try body(arguments, renderer)
        }
    }

    /// A method bound to its receiver, as `text.strip`.
    final class Method: Object {
        typealias Body = (Value, CallArguments, Renderer) throws -> Value
        private let receiver: Value
        private let name: String
        private let body: Body

        init(_ receiver: Value, _ name: String, _ body: @escaping Body) {
            self.receiver = receiver
            self.name = name
            self.body = body
        }

        override var typeName: String { "builtin_function_or_method" }
        override var depth: Int { receiver.depth + 1 }
        override var isCallable: Bool { true }

        override func text(_ printer: inout Printer) {
            printer.append("<built-in method \(name) of \(receiver.typeName) object at 0x0>")
        }

        override func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            try body(receiver, arguments, renderer)
        }
    }

    /// `dict.keys()` and its kin.
    final class View: Object {
        enum Kind: String { case keys, values, items }
        private let kind: Kind
        private let dictionary: Dictionary

        init(_ kind: Kind, of dictionary: Dictionary) {
            self.kind = kind
            self.dictionary = dictionary
        }

        override var typeName: String { "dict_\(kind.rawValue)" }
        override var depth: Int { dictionary.depth + 2 }

        override var elements: [Value] {
            switch kind {
            case .keys: dictionary.keys
            case .values: dictionary.values
            case .items: dictionary.items
            }
        }

        override func text(_ printer: inout Printer) throws {
            printer.append("\(typeName)(")
            try printer.append(elements, "[", "]")
            printer.append(")")
        }
    }

    /// `range(...)`, of a bounded length.
    final class Range: Object {
        let start: Int
        let stop: Int
        let step: Int

        init(start: Int, stop: Int, step: Int) {
            self.start = start
            self.stop = stop
            self.step = step
        }

        override var typeName: String { "range" }

        override var elements: [Value] {
            stride(from: start, to: stop, by: step).map { .integer($0) }
        }

        override func text(_ printer: inout Printer) {
            printer.append("range(\(start), \(stop)\(step == 1 ? "" : ", \(step)"))")
        }
    }

    /// One result of `groupby`: a tuple whose two elements have names.
    final class Group: Object {
        private let grouper: Value
        private let list: Value

        init(_ grouper: Value, _ list: Value) {
            self.grouper = grouper
            self.list = list
        }

        override var typeName: String { "_GroupTuple" }
        override var depth: Int { max(grouper.depth, list.depth) + 1 }
        override var elements: [Value] { [grouper, list] }

        override func attribute(_ name: String) -> Value? {
            name == "grouper" ? grouper : name == "list" ? list : nil
        }

        override func text(_ printer: inout Printer) throws {
            try printer.append(elements, "(", ")")
        }
    }

    /// `cycler(...)`: hands out its items in turn.
    final class Cycler: Object {
        private let items: Elements
        private var place = 0

        init(_ items: [Value]) { self.items = Elements(items) }

        override var typeName: String { "Cycler" }
        override var depth: Int { items.depth + 1 }

        override func attribute(_ name: String) -> Value? {
            switch name {
            case "current": return items.values[place]
            case "next":
                return .object(
                    Method(.object(self), name) { [self] _, _, _ in
                        defer { place = (place + 1) % items.values.count }
                        return items.values[place]
                    })
            case "reset":
                return .object(
                    Method(.object(self), name) { [self] _, _, _ in
                        place = 0
                        return .none
                    })
            default: return nil
            }
        }
    }

    /// `joiner(...)`: empty when first called, the separator from then on.
    final class Joiner: Object {
        private let separator: Value
        private var isUsed = false

        init(_ separator: Value) { self.separator = separator }

        override var typeName: String { "Joiner" }
        override var depth: Int { separator.depth + 1 }
        override var isCallable: Bool { true }

        override func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            defer { isUsed = true }
            return isUsed ? separator : .string("")
        }
    }
}
