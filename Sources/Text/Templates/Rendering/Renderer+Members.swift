// Renderer+Members.swift: attributes, items and slices, by the rules of the immutable sandbox:
// an attribute before an item for a dot, an item before an attribute for brackets, and neither
// private names nor methods that would change a value.

extension Jinja.Renderer {
    /// `subject.name`
    func attribute(_ name: String, of subject: Value) throws -> Value {
        if case .undefined(let undefined) = subject { throw undefined.error }
        if let member = try member(name, of: subject) { return member }
        if case .dictionary(let dictionary) = subject, let value = dictionary.value(name) {
            return value
        }
        return missing(.string(name), in: subject)
    }

    /// `subject[index]`
    func item(_ index: Value, of subject: Value) throws -> Value {
        if case .undefined(let undefined) = subject { throw undefined.error }
        if let element = try element(index, of: subject) { return element }
        if let name = index.text, let member = try member(name, of: subject) { return member }
        return missing(index, in: subject)
    }

    private func missing(_ name: Value, in subject: Value) -> Value {
        let type = subject.typeDescription
        if name.text != nil {
            return .undefined("\(Value.string(type).quoted) has no attribute \(name.quoted)")
        }
        var printer = Jinja.Printer(bytesMax: 256)
        try? printer.appendRepresentation(name)
        return .undefined("\(type) has no element \(printer.text)")
    }

    /// The element of a container; nil if it has none there, or is no container.
    private func element(_ index: Value, of subject: Value) throws -> Value? {
        switch subject {
        case .dictionary(let dictionary):
            guard let key = try? key(for: index) else { return nil }
            return dictionary.value(key)
        case .string(let text), .markup(let text):
            guard let place = index.integer else { return nil }
            try charge(text.utf8.count / 32)
            return text.scalar(at: place).map { .string(String(Character($0))) }
        default:
            guard let place = index.integer, let values = subject.sequence,
                !(subject.typeName.hasPrefix("dict_"))
            else { return nil }
            let index = place < 0 ? place + Int128(values.count) : place
            guard index >= 0, index < Int128(values.count) else { return nil }
            return values[Int(index)]
        }
    }

    /// The attribute of an object in Python's sense; nil if there is none.
    private func member(_ name: String, of subject: Value) throws -> Value? {
        if name.utf8.first == UInt8(ascii: "_") {
            guard Self.dunderNames.contains(name) else { return nil }
            return unsafe(name, subject)
        }
        switch subject {
        case .string, .markup:
            return Jinja.StringMethods.all[name].map {
                .object(Jinja.Method(subject, name, $0))
            }
        case .dictionary(let dictionary):
            if Self.mutatingDictionaryNames.contains(name) { return unsafe(name, subject) }
            return Self.dictionaryMethod(name, dictionary).map {
                .object(Jinja.Method(subject, name, $0))
            }
        case .list, .tuple:
            if case .list = subject, Self.mutatingListNames.contains(name) {
                return unsafe(name, subject)
            }
            return Self.sequenceMethod(name, subject).map {
                .object(Jinja.Method(subject, name, $0))
            }
        case .integer, .bool, .double: return Self.numberMember(name, subject)
        case .object(let object):
            if let loop = object as? Jinja.Loop { return try loop.member(name, self) }
            return object.attribute(name)
        default: return nil
        }
    }

    private func unsafe(_ name: String, _ subject: Value) -> Value {
        let attribute = Value.string(name).quoted
        let type = Value.string(subject.typeName).quoted
        return .undefined(
            Jinja.Undefined(
                message: "access to attribute \(attribute) of \(type) object is unsafe.",
                exception: "SecurityError"))
    }

    /// Attributes that every Python object has and the sandbox hides.
    private static let dunderNames: Set<String> = [
        "__class__", "__init__", "__doc__", "__dict__", "__module__", "__new__", "__repr__",
        "__str__", "__hash__", "__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
        "__getattribute__", "__setattr__", "__delattr__", "__dir__", "__format__", "__reduce__",
        "__reduce_ex__", "__sizeof__", "__subclasshook__", "__init_subclass__",
    ]
    private static let mutatingListNames: Set<String> = [
        "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
    ]
    private static let mutatingDictionaryNames: Set<String> = [
        "clear", "pop", "popitem", "setdefault", "update",
    ]

    private static func dictionaryMethod(
        _ name: String, _ dictionary: Jinja.Dictionary
    ) -> Jinja.Method.Body? {
        switch name {
        case "keys", "values", "items":
            return { _, arguments, renderer in
                _ = try arguments.positionalOnly("dict.\(name)", 0...0)
                try renderer.charge(dictionary.count)
                let kind = Jinja.View.Kind(rawValue: name) ?? .items
                return .object(Jinja.View(kind, of: dictionary))
            }
        case "get":
            return { _, arguments, renderer in
                let values = try arguments.positionalOnly("get", 1...2)
                let key = try renderer.key(for: values[0])
                return dictionary.value(key) ?? (values.count > 1 ? values[1] : .none)
            }
        case "copy": return { receiver, _, _ in receiver }
        default: return nil
        }
    }

    private static func sequenceMethod(_ name: String, _ subject: Value) -> Jinja.Method.Body? {
        let values = subject.sequence ?? []
        switch name {
        case "count":
            return { _, arguments, renderer in
                let wanted = try arguments.positionalOnly("count", 1...1)[0]
                return .integer(try values.filter { try renderer.areEqual($0, wanted) }.count)
            }
        case "index":
            return { receiver, arguments, renderer in
                let wanted = try arguments.positionalOnly("index", 1...3)[0]
                for (place, value) in values.enumerated()
                where try renderer.areEqual(value, wanted) {
                    return .integer(place)
                }
                throw TemplateError.value("the value is not in \(receiver.typeName)")
            }
        case "copy":
            guard case .list = subject else { return nil }
            return { receiver, _, _ in receiver }
        default: return nil
        }
    }

    private static func numberMember(_ name: String, _ subject: Value) -> Value? {
        switch (name, subject) {
        case ("real", _): return subject
        case ("imag", .double): return .double(0)
        case ("imag", _): return .integer(0)
        case ("numerator", .integer), ("numerator", .bool): return subject
        case ("denominator", .integer), ("denominator", .bool): return .integer(1)
        case ("is_integer", .double(let value)):
            return .object(
                Jinja.Method(subject, name) { _, _, _ in .bool(value == value.rounded()) })
        case ("bit_length", .integer(let value)):
            return .object(
                Jinja.Method(subject, name) { _, _, _ in
                    .integer(Int128.bitWidth - value.magnitude.leadingZeroBitCount)
                })
        default: return nil
        }
    }

    // MARK: slices

    func slice(_ subject: Value, _ first: Value?, _ last: Value?, _ step: Value?) throws -> Value {
        if case .undefined(let undefined) = subject { throw undefined.error }
        if case .dictionary = subject { throw TemplateError.type("unhashable type: 'slice'") }
        let text = subject.text
        guard text != nil || (subject.sequence != nil && !subject.typeName.hasPrefix("dict_"))
        else {
            throw TemplateError.type("'\(subject.typeName)' object is not subscriptable")
        }
        let step = try bound(step) ?? 1
        guard step != 0 else { throw TemplateError.value("slice step cannot be zero") }
        let first = try bound(first)
        let last = try bound(last)
        if let text {
            try charge(text.utf8.count / 32)
            let result = text.sliced(first, last, step)
            try charge(text: result)
            if case .markup = subject { return .markup(result) }
            return .string(result)
        }
        let values = subject.sequence ?? []
        let places = Self.places(values.count, first, last, step)
        try charge(places.count)
        let result = places.map { values[$0] }
        if case .tuple = subject { return .tuple(result) }
        return .list(result)
    }

    private func bound(_ value: Value?) throws -> Int? {
        guard let value, !value.isNone else { return nil }
        guard let integer = value.integer else {
            throw TemplateError.type(
                "slice indices must be integers or None or have an __index__ method")
        }
        return Int(clamping: integer)
    }

    /// The places that a slice picks, by the rules of Python's `slice.indices`.
    static func places(_ count: Int, _ first: Int?, _ last: Int?, _ step: Int) -> [Int] {
        let low = step > 0 ? 0 : -1
        let high = step > 0 ? count : count - 1
        func clamp(_ value: Int?, _ otherwise: Int) -> Int {
            guard let value else { return otherwise }
            return value < 0 ? max(value + count, low) : min(value, high)
        }
        let begin = clamp(first, step > 0 ? low : high)
        let end = clamp(last, step > 0 ? high : low)
        guard step > 0 ? begin < end : begin > end else { return [] }
        let bounded = max(-count - 1, min(step, count + 1))
        return Array(stride(from: begin, to: end, by: bounded))
    }
}
