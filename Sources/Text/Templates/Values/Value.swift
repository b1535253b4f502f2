// Value.swift: what an expression evaluates to: Python's types, as the sandbox makes them.
// Never changes, but for namespaces and what is read once.
// Containers know how deep they are, so that no value can be too deep to print or to free.
import JSON

extension Jinja {
    enum Value {
        case undefined(Undefined)
        case none
        case bool(Bool)
        case integer(Int128)
        case double(Double)
        case string(String)
        /// Text that is marked as safe HTML; joins escape what is added to it.
        case markup(String)
        case list(Elements)
        case tuple(Elements)
        case dictionary(Dictionary)
        case generator(Generator)
        case object(Object)
    }

    /// The elements of a list or a tuple.
    struct Elements {
        let values: [Value]
        let depth: Int

        init(_ values: [Value]) {
            self.values = values
            var deepest = 0
            for value in values { deepest = max(deepest, value.depth) }
            depth = deepest + 1
        }
    }

    /// A name, member or element that is not there; most uses of it are errors.
    final class Undefined {
        let exception: String
        let message: String

        init(message: String, exception: String = "UndefinedError") {
            self.message = message
            self.exception = exception
        }

        convenience init(name: String) {
            self.init(message: "\(Value.string(name).quoted) is undefined")
        }

        var error: TemplateError { .runtime(exception, message) }
    }

    /// Values made one by one, once.
    final class Generator {
        let typeName: String
        let depth: Int
        private var step: (() throws -> Value?)?

        init(_ typeName: String = "generator", depth: Int, step: @escaping () throws -> Value?) {
            self.typeName = typeName
            self.depth = depth + 1
            self.step = step
        }

        convenience init(_ typeName: String = "generator", over values: [Value], depth: Int = 0) {
            var index = 0
            self.init(typeName, depth: depth) {
                guard index < values.count else { return nil }
                index += 1
                return values[index - 1]
            }
        }

        func next() throws -> Value? {
            guard let value = try step?() else {
                step = nil
                return nil
            }
            return value
        }
    }

    /// A value with attributes of its own: namespaces, loops, macros, functions.
    class Object {
        var typeName: String { "object" }
        var depth: Int { 1 }
        func attribute(_ name: String) -> Value? { nil }
        /// The printed form; a renderer bounds what it holds.
        func text(_ printer: inout Printer) throws { printer.append("<\(typeName)>") }
        /// Elements, for what can be iterated more than once.
        var elements: [Value]? { nil }
        var isCallable: Bool { false }

        func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            throw TemplateError.type("'\(typeName)' object is not callable")
        }
    }
}

extension Jinja.Value {
    static func list(_ values: [Jinja.Value]) -> Jinja.Value { .list(Jinja.Elements(values)) }
    static func tuple(_ values: [Jinja.Value]) -> Jinja.Value { .tuple(Jinja.Elements(values)) }
    static func integer(_ value: Int) -> Jinja.Value { .integer(Int128(value)) }

    static func undefined(_ message: String) -> Jinja.Value {
        .undefined(Jinja.Undefined(message: message))
    }

    init(_ constant: Jinja.Constant) {
        switch constant {
        case .none: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(value)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        }
    }

    init(_ json: JSONValue) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(Int128(value))
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let values): self = .list(values.map { Jinja.Value($0) })
        case .object(let object): self = .dictionary(Jinja.Dictionary(object))
        }
    }

    var depth: Int {
        switch self {
        case .list(let elements), .tuple(let elements): elements.depth
        case .dictionary(let dictionary): dictionary.depth
        case .generator(let generator): generator.depth
        case .object(let object): object.depth
        default: 0
        }
    }

    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .integer: "int"
        case .double: "float"
        case .string: "str"
        case .markup: "Markup"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .generator(let generator): generator.typeName
        case .object(let object): object.typeName
        }
    }

    /// The type as Jinja2's messages about undefined things name it.
    var typeDescription: String {
        switch self {
        case .none: return "None"
        case .undefined: return "jinja2.runtime.Undefined object"
        case .markup: return "markupsafe.Markup object"
        case .object(let object):
            switch object.typeName {
            case "Namespace", "Cycler", "Joiner": return "jinja2.utils.\(object.typeName) object"
            case "Macro", "LoopContext": return "jinja2.runtime.\(object.typeName) object"
            default: return "\(object.typeName) object"
            }
        default: return "\(typeName) object"
        }
    }

    /// The text of a string, marked or not.
    var text: String? {
        switch self {
        case .string(let text), .markup(let text): text
        default: nil
        }
    }

    /// The value of an integer, bools included.
    var integer: Int128? {
        switch self {
        case .integer(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    var isUndefined: Bool {
        if case .undefined = self { return true }
        return false
    }

    var isNone: Bool {
        if case .none = self { return true }
        return false
    }

    /// Python's truth.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .integer(let value): value != 0
        case .double(let value): value != 0
        case .string(let text), .markup(let text): !text.utf8.isEmpty
        case .list(let elements), .tuple(let elements): !elements.values.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .generator: true
        case .object(let object): object.elements.map { !$0.isEmpty } ?? true
        }
    }

    /// The values of what has a length and an order; nil for others, strings included.
    var sequence: [Jinja.Value]? {
        switch self {
        case .list(let elements), .tuple(let elements): elements.values
        case .object(let object): object.elements
        default: nil
        }
    }

    /// The value of a literal in a message, as Python's `repr` of a short string.
    var quoted: String {
        var printer = Jinja.Printer(bytesMax: .max)
        try? printer.appendQuoted(text ?? "")
        return printer.text
    }
}
