// Globals.swift: the functions that every template finds.

extension Jinja.Renderer {
    /// The longest range that the sandbox allows.
    private static let rangeMax = 100_000

    static func global(_ name: String) -> Value? {
        switch name {
        case "range": .object(Jinja.Function(name, range))
        case "dict": .object(Jinja.Function(name, dictionary))
        case "namespace": .object(Jinja.Function(name, namespace))
        case "cycler":
            .object(
                Jinja.Function(name) { arguments, _ in
                    guard !arguments.positional.isEmpty else {
                        throw TemplateError.runtime(
                            "RuntimeError", "at least one item has to be provided")
                    }
                    return .object(Jinja.Cycler(arguments.positional))
                })
        case "joiner":
            .object(
                Jinja.Function(name) { arguments, _ in
                    let values = try arguments.bind(["sep"], function: "Joiner.__init__")
                    return .object(Jinja.Joiner(values[0] ?? .string(", ")))
                })
        case "lipsum":
            .object(
                Jinja.Function(name) { _, _ in
                    throw TemplateError.runtime(
                        "NotImplementedError", "lipsum makes random text, which no prompt needs")
                })
        case "raise_exception":
            .object(
                Jinja.Function(name) { arguments, renderer in
                    let values = try arguments.bind(
                        ["message"], function: "raise_exception", required: 1)
                    throw TemplateError(
                        kind: .raised, exception: "TemplateError",
                        message: try renderer.text(of: values[0] ?? .none))
                })
        case "strftime_now":
            .object(
                Jinja.Function(name) { arguments, renderer in
                    let values = try arguments.bind(["format"], function: name, required: 1)
                    guard let format = values[0]?.text else {
                        throw TemplateError.type("strftime() argument 1 must be str")
                    }
                    return .string(renderer.clock.formatted(format))
                })
        default: nil
        }
    }

    private static func range(
        _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer
    ) throws -> Value {
        let values = try arguments.positionalOnly("range", 1...3)
        var bounds: [Int] = []
        for value in values {
            bounds.append(try Optional(value).integer("range", default: 0))
        }
        let start = bounds.count == 1 ? 0 : bounds[0]
        let stop = bounds.count == 1 ? bounds[0] : bounds[1]
        let step = bounds.count > 2 ? bounds[2] : 1
        guard step != 0 else { throw TemplateError.value("range() arg 3 must not be zero") }
        let distance = Int128(stop) - Int128(start)
        let unit = Int128(step)
        let count = max(0, (distance + unit - (unit > 0 ? 1 : -1)) / unit)
        guard count <= rangeMax else {
            throw TemplateError.runtime(
                "OverflowError",
                "Range too big. The sandbox blocks ranges larger than MAX_RANGE (\(rangeMax)).")
        }
        return .object(Jinja.Range(start: start, stop: stop, step: step))
    }

    private static func members(
        _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer, _ function: String
    ) throws -> Jinja.Dictionary {
        guard arguments.positional.count <= 1 else {
            throw TemplateError.type(
                "\(function) expected at most 1 argument, got \(arguments.positional.count)")
        }
        var result = Jinja.Dictionary()
        if case .dictionary(let dictionary)? = arguments.positional.first {
            try renderer.charge(dictionary.count)
            result = dictionary
        } else if let pairs = arguments.positional.first {
            for pair in try renderer.elements(of: pairs) {
                let both = try renderer.elements(of: pair)
                guard both.count == 2 else {
                    throw TemplateError.value(
                        "dictionary update sequence element has length \(both.count);"
                            + " 2 is required")
                }
                result.set(both[0], try renderer.key(for: both[0]), to: both[1])
            }
        }
        for (name, value) in arguments.keywords { result.set(name, to: value) }
        return result
    }

    private static func dictionary(
        _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer
    ) throws -> Value {
        .dictionary(try members(arguments, renderer, "dict"))
    }

    private static func namespace(
        _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer
    ) throws -> Value {
        let namespace = try renderer.makeNamespace()
        namespace.members = try members(arguments, renderer, "Namespace")
        return .object(namespace)
    }
}
