// Filter+Lazy.swift: filters that answer a generator, whose work is done as it is read.

extension Jinja.Filter {
    static let lazyFilters: [String: Body] = [
        "items": { value, _, renderer in
            if value.isUndefined { return .generator(Jinja.Generator(over: [])) }
            guard case .dictionary(let dictionary) = value else {
                return lazy(value, renderer) {
                    throw TemplateError.type("Can only get item pairs from a mapping.")
                }
            }
            try renderer.charge(dictionary.count)
            return .generator(Jinja.Generator(over: dictionary.items, depth: value.depth + 1))
        },
        "map": { value, arguments, renderer in
            lazy(value, renderer) {
                let transform = try mapping(arguments, renderer)
                return { iterator in try iterator.next().map { try transform($0) } }
            }
        },
        "select": selection(keeps: true, byAttribute: false),
        "reject": selection(keeps: false, byAttribute: false),
        "selectattr": selection(keeps: true, byAttribute: true),
        "rejectattr": selection(keeps: false, byAttribute: true),
        "unique": { value, arguments, renderer in
            let values = try arguments.bind(["case_sensitive", "attribute"], function: "do_unique")
            return lazy(value, renderer) {
                let getter = try renderer.getter(
                    values[1], ignoresCase: !values[0].isTrue(default: false))
                var seen: Set<Jinja.Key> = []
                return { iterator in
                    while let next = try iterator.next() {
                        if seen.insert(try renderer.key(for: try getter(next))).inserted {
                            return next
                        }
                    }
                    return nil
                }
            }
        },
        "batch": { value, arguments, renderer in
            let values = try arguments.bind(
                ["linecount", "fill_with"], function: "do_batch", required: 1)
            let count = try values[0].integer("do_batch", default: 0)
            let fill = values[1].flatMap { $0.isNone ? nil : $0 }
            let elements = try renderer.elements(of: value)
            if fill != nil { try renderer.charge(max(0, count)) }
            return .generator(
                Jinja.Generator(over: batches(elements, count, fill), depth: value.depth + 1))
        },
        "slice": { value, arguments, renderer in
            let values = try arguments.bind(
                ["slices", "fill_with"], function: "do_slice", required: 1)
            let count = try values[0].integer("do_slice", default: 0)
            guard count != 0 else {
                throw TemplateError.runtime(
                    "ZeroDivisionError", "integer division or modulo by zero")
            }
            try renderer.charge(max(0, count))
            let fill = values[1].flatMap { $0.isNone ? nil : $0 }
            let elements = try renderer.elements(of: value)
            return .generator(
                Jinja.Generator(over: slices(elements, count, fill), depth: value.depth + 1))
        },
    ]

    /// A generator over a value's elements; nothing happens before it is first read.
    private static func lazy(
        _ value: Value, _ renderer: Jinja.Renderer,
        _ prepare: @escaping () throws -> (Jinja.Generator) throws -> Value?
    ) -> Value {
        var state: (iterator: Jinja.Generator, step: (Jinja.Generator) throws -> Value?)?
        return .generator(
            Jinja.Generator(depth: value.depth) { [unowned renderer] in
                try renderer.enter()
                defer { renderer.leave() }
                try renderer.charge()
                if state == nil {
                    guard value.isTrue else { return nil }
                    let step = try prepare()
                    state = (try renderer.iterator(over: value), step)
                }
                guard let state else { return nil }
                return try state.step(state.iterator)
            })
    }

    private static func mapping(
        _ arguments: Jinja.CallArguments, _ renderer: Jinja.Renderer
    ) throws -> (Value) throws -> Value {
        if arguments.positional.isEmpty, let attribute = arguments.keyword("attribute") {
            let rest = arguments.keywords.first { $0.name != "attribute" && $0.name != "default" }
            if let rest {
                throw TemplateError.argument("Unexpected keyword argument '\(rest.name)'")
            }
            return try renderer.getter(attribute, default: arguments.keyword("default"))
        }
        guard let name = arguments.positional.first else {
            throw TemplateError.argument("map requires a filter argument")
        }
        let filter = try renderer.filter(name)
        var rest = arguments
        rest.positional.removeFirst()
        return { [unowned renderer, rest] value in try filter.body(value, rest, renderer) }
    }

    private static func selection(keeps: Bool, byAttribute: Bool) -> Body {
        { value, arguments, renderer in
            lazy(value, renderer) {
                var rest = arguments
                var getter: ((Value) throws -> Value)?
                if byAttribute {
                    guard !rest.positional.isEmpty else {
                        throw TemplateError.argument("Missing parameter for attribute name")
                    }
                    getter = try renderer.getter(rest.positional.removeFirst())
                }
                let predicate =
                    rest.positional.isEmpty
                    ? nil : try renderer.predicate(rest.positional.removeFirst())
                return { [rest, unowned renderer] iterator in
                    while let next = try iterator.next() {
                        try renderer.charge()
                        let subject = try getter?(next) ?? next
                        let passes =
                            try predicate?.body(subject, rest, renderer) ?? subject.isTrue
                        if passes == keeps { return next }
                    }
                    return nil
                }
            }
        }
    }

    private static func batches(_ elements: [Value], _ count: Int, _ fill: Value?) -> [Value] {
        guard count > 0 else { return elements.isEmpty ? [] : [.list(elements)] }
        var result: [Value] = []
        var start = 0
        while start < elements.count {
            var batch = Array(elements[start..<min(start + count, elements.count)])
            if let fill, batch.count < count {
                batch.append(contentsOf: repeatElement(fill, count: count - batch.count))
            }
            result.append(.list(batch))
            start += batch.count
        }
        return result
    }

    private static func slices(_ elements: [Value], _ count: Int, _ fill: Value?) -> [Value] {
        guard count > 0 else { return [] }
        let (size, extra) = elements.count.quotientAndRemainder(dividingBy: count)
        var result: [Value] = []
        var start = 0
        for index in 0..<count {
            let end = start + size + (index < extra ? 1 : 0)
            var slice = Array(elements[start..<end])
            if let fill, index >= extra { slice.append(fill) }
            result.append(.list(slice))
            start = end
        }
        return result
    }
}
