// Filter.swift: what stands behind a `|`, by name.

extension Jinja {
    struct Filter: Sendable {
        typealias Body = @Sendable (Value, CallArguments, Renderer) throws -> Value

        let name: String
        let body: Body

        init(_ name: String, _ body: @escaping Body) {
            self.name = name
            self.body = body
        }

        static let all: [String: Filter] = {
            var result: [String: Filter] = [:]
            for group in [textFilters, markupFilters, numberFilters, sequenceFilters, lazyFilters] {
                for (name, body) in group { result[name] = Filter(name, body) }
            }
            let aliases = [
                "d": "default", "e": "escape", "count": "length",
            ]
            for (alias, name) in aliases { result[alias] = result[name] }
            return result
        }()

        /// The text that a filter works on; undefined is empty, other values are printed.
        static func text(_ value: Value, _ renderer: Renderer) throws -> String {
            try renderer.text(of: value)
        }

        static func like(_ original: Value, _ text: String) -> Value {
            StringMethods.like(original, text)
        }
    }
}

extension Jinja.Renderer {
    /// Applies a filter that is named by a value, as `map` does.
    func filter(_ name: Value) throws(TemplateError) -> Jinja.Filter {
        guard let text = name.text, let filter = Jinja.Filter.all[text] else {
            throw .runtime(
                "TemplateRuntimeError", "No filter named \(name.quoted).")
        }
        return filter
    }

    func predicate(_ name: Value) throws(TemplateError) -> Jinja.Predicate {
        guard let text = name.text, let predicate = Jinja.Predicate.all[text] else {
            throw .runtime("TemplateRuntimeError", "No test named \(name.quoted).")
        }
        return predicate
    }

    /// The function that follows a path as `a.0.b` into an item.
    func getter(
        _ path: Value?, default defaultValue: Value? = nil, ignoresCase: Bool = false
    ) throws -> (Value) throws -> Value {
        var parts: [Value] = []
        if let text = path?.text {
            parts = text.split(separator: ".", omittingEmptySubsequences: false).map { part in
                let isNumber = !part.isEmpty && part.utf8.allSatisfy { (0x30...0x39).contains($0) }
                return isNumber ? .integer(Int(part) ?? .max) : .string(String(part))
            }
        } else if let path, !path.isNone {
            parts = [path]
        }
        return { [unowned self] value in
            var value = value
            for part in parts {
                value = try item(part, of: value)
                if let defaultValue, !defaultValue.isNone, value.isUndefined {
                    value = defaultValue
                }
            }
            return ignoresCase ? caseless(value) : value
        }
    }

    /// The functions of several paths with commas between them, for sorting.
    func getters(_ paths: Value?, ignoresCase: Bool) throws -> [(Value) throws -> Value] {
        guard let text = paths?.text, text.utf8.contains(UInt8(ascii: ",")) else {
            return [try getter(paths, ignoresCase: ignoresCase)]
        }
        return try text.split(separator: ",", omittingEmptySubsequences: false).map {
            try getter(.string(String($0)), ignoresCase: ignoresCase)
        }
    }

    func caseless(_ value: Value) -> Value {
        value.text.map { .string($0.pythonLowercased) } ?? value
    }

    /// A stable sort by Python's `<` on keys.
    func sorted(_ values: [Value], by keys: [Value], reversed: Bool) throws -> [Value] {
        var order = Array(values.indices)
        try charge(order.count)
        try order.sort { a, b in
            if try isLess(keys[reversed ? b : a], keys[reversed ? a : b]) { return true }
            if try isLess(keys[reversed ? a : b], keys[reversed ? b : a]) { return false }
            return a < b
        }
        return order.map { values[$0] }
    }
}
