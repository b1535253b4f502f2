// Filter+Sequences.swift: filters that read a whole sequence.

extension Jinja.Filter {
    static let sequenceFilters: [String: Body] = [
        "default": { value, arguments, _ in
            let values = try arguments.bind(["default_value", "boolean"], function: "do_default")
            let replaces =
                value.isUndefined || (values[1].isTrue(default: false) && !value.isTrue)
            return replaces ? values[0] ?? .string("") : value
        },
        "list": { value, _, renderer in .list(try renderer.elements(of: value)) },
        "join": { value, arguments, renderer in
            let values = try arguments.bind(["d", "attribute"], function: "do_join")
            let separator = try values[0].map { try text($0, renderer) } ?? ""
            let getter = try values[1].map { try renderer.getter($0) }
            var parts: [String] = []
            for element in try renderer.elements(of: value) {
                parts.append(try text(try getter?(element) ?? element, renderer))
            }
            return .string(try renderer.joined(parts, separator))
        },
        "first": { value, _, renderer in
            try renderer.iterator(over: value).next()
                ?? .undefined("No first item, sequence was empty.")
        },
        "last": { value, _, renderer in
            if case .generator = value {
                throw TemplateError.type("'generator' object is not reversible")
            }
            return try renderer.elements(of: value).last
                ?? .undefined("No last item, sequence was empty.")
        },
        "random": { value, _, renderer in
            try renderer.elements(of: value).randomElement()
                ?? .undefined("No random item, sequence was empty.")
        },
        "sum": { value, arguments, renderer in
            let values = try arguments.bind(["attribute", "start"], function: "do_sum")
            let getter = try values[0].map { try renderer.getter($0) }
            var total = values[1] ?? .integer(0)
            for element in try renderer.elements(of: value) {
                let term = try getter?(element) ?? element
                total = try renderer.checked(try renderer.binary(.add, total, term))
            }
            return total
        },
        "min": { value, arguments, renderer in try extreme(value, arguments, renderer, isMax: false)
        },
        "max": { value, arguments, renderer in try extreme(value, arguments, renderer, isMax: true)
        },
        "sort": { value, arguments, renderer in
            let values = try arguments.bind(
                ["reverse", "case_sensitive", "attribute"], function: "do_sort")
            let getters = try renderer.getters(
                values[2], ignoresCase: !values[1].isTrue(default: false))
            let elements = try renderer.elements(of: value)
            let keys = try elements.map { element in
                Value.list(try getters.map { try $0(element) })
            }
            return .list(
                try renderer.sorted(elements, by: keys, reversed: values[0].isTrue(default: false)))
        },
        "dictsort": { value, arguments, renderer in
            let values = try arguments.bind(
                ["case_sensitive", "by", "reverse"], function: "do_dictsort")
            let by = values[1]?.text ?? "key"
            guard by == "key" || by == "value" else {
                throw TemplateError.argument("You can only sort by either \"key\" or \"value\"")
            }
            guard case .dictionary(let dictionary) = value else {
                throw missingItems(value)
            }
            let isCaseSensitive = values[0].isTrue(default: false)
            let keys = (by == "key" ? dictionary.keys : dictionary.values).map {
                isCaseSensitive ? $0 : renderer.caseless($0)
            }
            return .list(
                try renderer.sorted(
                    dictionary.items, by: keys, reversed: values[2].isTrue(default: false)))
        },
        "reverse": { value, _, renderer in
            if let subject = value.text { return like(value, subject.sliced(nil, nil, -1)) }
            switch value {
            case .generator: return .list(try renderer.elements(of: value).reversed())
            case .undefined(let undefined): throw undefined.error
            default: break
            }
            guard let elements = try? renderer.elements(of: value) else {
                throw TemplateError.argument("argument must be iterable")
            }
            return .generator(
                Jinja.Generator(
                    "list_reverseiterator", over: elements.reversed(), depth: value.depth))
        },
        "groupby": { value, arguments, renderer in
            let values = try arguments.bind(
                ["attribute", "default", "case_sensitive"], function: "do_groupby", required: 1)
            let ignoresCase = !values[2].isTrue(default: false)
            let getter = try renderer.getter(
                values[0], default: values[1], ignoresCase: ignoresCase)
            let plain = try renderer.getter(values[0], default: values[1])
            let elements = try renderer.elements(of: value)
            let keys = try elements.map { try getter($0) }
            var groups: [(key: Value, grouper: Value, members: [Value])] = []
            let places = elements.indices.map { Value.integer($0) }
            for place in try renderer.sorted(places, by: keys, reversed: false) {
                let index = Int(place.integer ?? 0)
                if let last = groups.last, try renderer.areEqual(last.key, keys[index]) {
                    groups[groups.count - 1].members.append(elements[index])
                } else {
                    let grouper = try plain(elements[index])
                    groups.append((keys[index], grouper, [elements[index]]))
                }
            }
            return .list(groups.map { .object(Jinja.Group($0.grouper, .list($0.members))) })
        },
        "attr": { value, arguments, renderer in
            let values = try arguments.bind(["name"], function: "do_attr", required: 1)
            guard let name = values[0]?.text else {
                throw TemplateError.type("attribute name must be string")
            }
            if case .dictionary(let dictionary) = value, dictionary.value(name) != nil,
                Jinja.View.Kind(rawValue: name) == nil
            {
                return .undefined("'dict object' has no attribute \(Value.string(name).quoted)")
            }
            return try renderer.attribute(name, of: value)
        },
    ]

    static func missingItems(_ value: Value) -> TemplateError {
        if case .undefined(let undefined) = value { return undefined.error }
        return .runtime(
            "AttributeError", "'\(value.typeName)' object has no attribute 'items'")
    }

    private static func extreme(
        _ value: Value, _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer, isMax: Bool
    ) throws -> Value {
        let values = try arguments.bind(["case_sensitive", "attribute"], function: "do_min")
        let getter = try renderer.getter(
            values[1], ignoresCase: !values[0].isTrue(default: false))
        var best: (key: Value, value: Value)?
        for element in try renderer.elements(of: value) {
            let key = try getter(element)
            guard let current = best else {
                best = (key, element)
                continue
            }
            let isBetter =
                try isMax
                ? renderer.isLess(current.key, key, ">", isSwapped: true)
                : renderer.isLess(key, current.key)
            if isBetter { best = (key, element) }
        }
        return best?.value ?? .undefined("No aggregated item, sequence was empty.")
    }
}
