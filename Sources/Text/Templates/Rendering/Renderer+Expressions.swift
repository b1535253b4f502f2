// Renderer+Expressions.swift: the value of an expression.
// The dispatch is kept small, since its stack frame is paid at every level of nesting.

extension Jinja.Renderer {
    typealias Value = Jinja.Value
    typealias Expression = Jinja.Expression

    func evaluate(_ expression: Expression) throws -> Value {
        try charge()
        switch expression {
        case .constant(let constant): return Value(constant)
        case .name(let symbol): return lookup(symbol)
        default: break
        }
        try enter()
        defer { leave() }
        return try checked(try evaluateCompound(expression))
    }

    private func evaluateCompound(_ expression: Expression) throws -> Value {
        switch expression {
        case .constant(let constant): return Value(constant)
        case .name(let symbol): return lookup(symbol)
        case .attribute(let subject, let name):
            return try attribute(name, of: try evaluate(subject))
        case .item(let subject, let index):
            let subject = try evaluate(subject)
            return try item(try evaluate(index), of: subject)
        case .call(let function, let arguments):
            let callee = try evaluate(function)
            return try call(callee, try evaluate(arguments))
        case .filter(let subject, let filter, let arguments):
            return try apply(filter, subject, arguments)
        case .test(let subject, let predicate, let arguments):
            let value = try evaluate(subject)
            return .bool(try predicate.body(value, try evaluate(arguments), self))
        case .and(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? try evaluate(right) : value
        case .or(let left, let right):
            let value = try evaluate(left)
            return value.isTrue ? value : try evaluate(right)
        case .not(let operand): return .bool(!(try evaluate(operand).isTrue))
        default: return try evaluateRare(expression)
        }
    }

    private func evaluateRare(_ expression: Expression) throws -> Value {
        switch expression {
        case .list(let elements): return .list(try elements.map { try evaluate($0) })
        case .tuple(let elements): return .tuple(try elements.map { try evaluate($0) })
        case .dictionary(let members): return try dictionary(members)
        case .slice(let subject, let first, let last, let step):
            let subject = try evaluate(subject)
            return try slice(
                subject, try first.map { try evaluate($0) }, try last.map { try evaluate($0) },
                try step.map { try evaluate($0) })
        case .unary(let operation, let operand):
            return try unary(operation, try evaluate(operand))
        case .binary(let operation, let left, let right):
            let left = try evaluate(left)
            return try binary(operation, left, try evaluate(right))
        case .compare(let left, let rest): return try compareChain(left, rest)
        case .concatenate(let parts): return try concatenate(parts)
        case .conditional(let test, let then, let otherwise, let line):
            if try evaluate(test).isTrue { return try evaluate(then) }
            if let otherwise { return try evaluate(otherwise) }
            return .undefined(
                "the inline if-expression on line \(line) evaluated to false"
                    + " and no else section was defined.")
        default: preconditionFailure("every expression is handled above")
        }
    }

    private func dictionary(_ members: [(key: Expression, value: Expression)]) throws -> Value {
        var result = Jinja.Dictionary()
        for member in members {
            let keyValue = try evaluate(member.key)
            let value = try evaluate(member.value)
            result.set(keyValue, try key(for: keyValue), to: value)
        }
        return .dictionary(result)
    }

    private func compareChain(
        _ first: Expression, _ rest: [(Jinja.Comparison, Expression)]
    ) throws -> Value {
        var left = try evaluate(first)
        for (comparison, expression) in rest {
            let right = try evaluate(expression)
            guard try holds(comparison, left, right) else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    private func concatenate(_ parts: [Expression]) throws -> Value {
        let values = try parts.map { try evaluate($0) }
        var printer = Jinja.Printer(bytesMax: limits.outputBytesMax)
        var isMarkup = false
        for case .markup in values { isMarkup = true }
        for value in values {
            if isMarkup {
                printer.append(try escaped(value))
                try printer.check()
            } else {
                try printer.append(value)
            }
        }
        try charge(text: printer.text)
        return isMarkup ? .markup(printer.text) : .string(printer.text)
    }

    func evaluate(_ arguments: Jinja.Arguments) throws -> Jinja.CallArguments {
        var result = Jinja.CallArguments()
        for expression in arguments.positional {
            result.positional.append(try evaluate(expression))
        }
        for (name, expression) in arguments.keywords {
            result.keywords.append((name, try evaluate(expression)))
        }
        if let spread = arguments.spread {
            result.positional.append(contentsOf: try elements(of: try evaluate(spread)))
        }
        if let spread = arguments.keywordSpread {
            let value = try evaluate(spread)
            guard case .dictionary(let dictionary) = value else {
                throw TemplateError.type(
                    "argument after ** must be a mapping, not \(value.typeName)")
            }
            for (key, value) in zip(dictionary.keys, dictionary.values) {
                guard let name = key.text else {
                    throw TemplateError.type("keywords must be strings")
                }
                guard result.keyword(name) == nil else {
                    throw TemplateError.type("got multiple values for keyword argument '\(name)'")
                }
                try charge()
                result.keywords.append((name, value))
            }
        }
        return result
    }

    private func apply(
        _ filter: Jinja.Filter, _ subject: Expression?, _ arguments: Jinja.Arguments
    ) throws -> Value {
        let value = try subject.map { try evaluate($0) } ?? blockText
        let result = try filter.body(value, try evaluate(arguments), self)
        if let text = result.text { try charge(text: text) }
        return result
    }

    func call(_ callee: Value, _ arguments: Jinja.CallArguments) throws -> Value {
        switch callee {
        case .object(let object):
            let result = try object.call(arguments, self)
            if let text = result.text { try charge(text: text) }
            return result
        case .undefined(let undefined): throw undefined.error
        default: throw TemplateError.type("'\(callee.typeName)' object is not callable")
        }
    }

    /// Python's `str` of a value.
    func text(of value: Value) throws -> String {
        if let text = value.text { return text }
        var printer = Jinja.Printer(bytesMax: limits.outputBytesMax)
        try printer.append(value)
        try charge(text: printer.text)
        return printer.text
    }

    /// The value as HTML text; marked text stays as it is.
    func escaped(_ value: Value) throws -> String {
        if case .markup(let text) = value { return text }
        let text = try text(of: value)
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "'": result += "&#39;"
            case "\"": result += "&#34;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        try charge(text: result)
        return result
    }
}
