// CallArguments.swift: the evaluated arguments of a call, matched to parameters by Python's rules.

extension Jinja {
    struct CallArguments {
        var positional: [Value] = []
        var keywords: [(name: String, value: Value)] = []

        var isEmpty: Bool { positional.isEmpty && keywords.isEmpty }

        func keyword(_ name: String) -> Value? { keywords.first { $0.name == name }?.value }

        /// The values of the parameters in their order; nil where none was given.
        func bind(
            _ parameters: [String], function: String, required: Int = 0
        ) throws(TemplateError) -> [Value?] {
            guard positional.count <= parameters.count else {
                throw .type(
                    "\(function)() takes at most \(parameters.count) arguments"
                        + " (\(positional.count) given)")
            }
            var values: [Value?] = positional
            values.append(
                contentsOf: repeatElement(nil, count: parameters.count - positional.count))
            for (name, value) in keywords {
                guard let index = parameters.firstIndex(of: name) else {
                    throw .type("\(function)() got an unexpected keyword argument '\(name)'")
                }
                guard values[index] == nil else {
                    throw .type("\(function)() got multiple values for argument '\(name)'")
                }
                values[index] = value
            }
            for index in 0..<required where values[index] == nil {
                throw .type(
                    "\(function)() missing 1 required positional argument: '\(parameters[index])'")
            }
            return values
        }

        /// The values of parameters that cannot be named.
        func positionalOnly(
            _ function: String, _ count: ClosedRange<Int>
        ) throws(TemplateError) -> [Value] {
            guard keywords.isEmpty else {
                throw .type("\(function)() takes no keyword arguments")
            }
            guard count.contains(positional.count) else {
                let (bound, word) =
                    positional.count < count.lowerBound
                    ? (count.lowerBound, "at least") : (count.upperBound, "at most")
                throw .type(
                    "\(function) expected \(word) \(bound) argument\(bound == 1 ? "" : "s"),"
                        + " got \(positional.count)")
            }
            return positional
        }
    }
}

extension Optional where Wrapped == Jinja.Value {
    /// An integer argument, or its default; text and the like are a type error.
    func integer(
        _ function: String, default value: Int
    ) throws(TemplateError) -> Int {
        guard let self else { return value }
        if case .undefined(let undefined) = self { throw undefined.error }
        guard let integer = self.integer else {
            throw .type("'\(self.typeName)' object cannot be interpreted as an integer")
        }
        return Int(clamping: integer)
    }

    func isTrue(default value: Bool) -> Bool { self?.isTrue ?? value }
}
