// Parser+Expressions.swift: the precedence of Jinja's operators, loosest first.
// Every production leaves the height of its tree in `height`, which the nesting limit bounds.

extension Jinja.Parser {
    typealias Expression = Jinja.Expression
    typealias Arguments = Jinja.Arguments

    mutating func expression() throws(TemplateError) -> Expression {
        try enter()
        defer { nesting -= 1 }
        let unknownBefore = unknownNames.count
        var value = try or()
        var tall = height
        while current.kind == .name("if") {
            let line = current.line
            advance()
            let test = try or()
            tall = max(tall, height)
            var otherwise: Expression?
            if take(.name("else")) {
                otherwise = try expression()
                tall = max(tall, height)
            }
            value = .conditional(test: test, then: value, otherwise: otherwise, line: line)
            forgiveUnknownNames(since: unknownBefore)
            tall = try grow(tall)
        }
        height = tall
        return value
    }

    /// Parses an expression, or several with commas between them.
    mutating func tuple(
        allowsConditional: Bool = true, endsAtRecursive: Bool = false, isParenthesized: Bool = false
    ) throws(TemplateError) -> Expression {
        var elements: [Expression] = []
        var isTuple = false
        var tall = 0
        while true {
            if !elements.isEmpty { try expect(.symbol(",")) }
            if isTupleEnd() || (endsAtRecursive && current.kind == .name("recursive")) { break }
            elements.append(try allowsConditional ? expression() : or())
            tall = max(tall, height)
            guard current.kind == .symbol(",") else { break }
            isTuple = true
        }
        if !isTuple, let only = elements.first {
            height = tall
            return only
        }
        guard isTuple || isParenthesized else {
            if current.kind == .variableEnd || current.kind == .blockEnd {
                throw fail("Expected an expression, got '\(current.description)'")
            }
            throw fail("unexpected '\(current.description)'")
        }
        height = try grow(tall)
        return .tuple(elements)
    }

    /// One more than the height, within the limit.
    private func grow(_ height: Int) throws(TemplateError) -> Int {
        guard height < nestingMax else { throw .limit("nestingMax", nestingMax) }
        return height + 1
    }

    private mutating func or() throws(TemplateError) -> Expression {
        var left = try and()
        var tall = height
        while take(.name("or")) {
            left = .or(left, try and())
            tall = try grow(max(tall, height))
        }
        height = tall
        return left
    }

    private mutating func and() throws(TemplateError) -> Expression {
        var left = try not()
        var tall = height
        while take(.name("and")) {
            left = .and(left, try not())
            tall = try grow(max(tall, height))
        }
        height = tall
        return left
    }

    private mutating func not() throws(TemplateError) -> Expression {
        guard take(.name("not")) else { return try comparison() }
        try enter()
        defer { nesting -= 1 }
        let operand = try not()
        height = try grow(height)
        return .not(operand)
    }

    private mutating func comparison() throws(TemplateError) -> Expression {
        let left = try sum()
        var tall = height
        var rest: [(Jinja.Comparison, Expression)] = []
        while let comparison = takeComparison() {
            rest.append((comparison, try sum()))
            tall = max(tall, height)
        }
        height = tall
        if rest.isEmpty { return left }
        height = try grow(tall)
        return .compare(left, rest)
    }

    private mutating func takeComparison() -> Jinja.Comparison? {
        switch current.kind {
        case .symbol(let symbol):
            guard let comparison = Jinja.Comparison(rawValue: symbol) else { return nil }
            advance()
            return comparison
        case .name("in"):
            advance()
            return .isIn
        case .name("not"):
            guard following == .name("in") else { return nil }
            advance()
            advance()
            return .isNotIn
        default: return nil
        }
    }

    private mutating func takeOperator(_ symbols: [String]) -> Jinja.BinaryOperator? {
        guard case .symbol(let symbol) = current.kind, symbols.contains(symbol) else { return nil }
        advance()
        return Jinja.BinaryOperator(rawValue: symbol)
    }

    private mutating func sum() throws(TemplateError) -> Expression {
        var left = try concatenation()
        var tall = height
        while let operation = takeOperator(["+", "-"]) {
            left = .binary(operation, left, try concatenation())
            tall = try grow(max(tall, height))
        }
        height = tall
        return left
    }

    private mutating func concatenation() throws(TemplateError) -> Expression {
        let first = try product()
        guard current.kind == .symbol("~") else { return first }
        var tall = height
        var parts = [first]
        while take(.symbol("~")) {
            parts.append(try product())
            tall = max(tall, height)
        }
        height = try grow(tall)
        return .concatenate(parts)
    }

    private mutating func product() throws(TemplateError) -> Expression {
        var left = try power()
        var tall = height
        while let operation = takeOperator(["*", "/", "//", "%"]) {
            left = .binary(operation, left, try power())
            tall = try grow(max(tall, height))
        }
        height = tall
        return left
    }

    private mutating func power() throws(TemplateError) -> Expression {
        var left = try unary(withFilters: true)
        var tall = height
        while let operation = takeOperator(["**"]) {
            left = .binary(operation, left, try unary(withFilters: true))
            tall = try grow(max(tall, height))
        }
        height = tall
        return left
    }

    private mutating func unary(withFilters: Bool) throws(TemplateError) -> Expression {
        try enter()
        defer { nesting -= 1 }
        var value: Expression
        if take(.symbol("-")) {
            value = .unary(.negative, try unary(withFilters: false))
            height = try grow(height)
        } else if take(.symbol("+")) {
            value = .unary(.positive, try unary(withFilters: false))
            height = try grow(height)
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return withFilters ? try filtersAndTests(value) : value
    }

    private mutating func primary() throws(TemplateError) -> Expression {
        let token = current
        height = 1
        switch token.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .constant(.bool(true))
            case "false", "False": return .constant(.bool(false))
            case "none", "None": return .constant(.none)
            default:
                let number = symbol(name)
                if number < uses.count { uses[number] += 1 }
                return .name(number)
            }
        case .string(var text):
            advance()
            while case .string(let more) = current.kind {
                text += more
                advance()
            }
            return .constant(.string(text))
        case .integer(let value):
            advance()
            return .constant(.integer(value))
        case .float(let value):
            advance()
            return .constant(.double(value))
        case .symbol("("):
            advance()
            let value = try tuple(isParenthesized: true)
            try expect(.symbol(")"))
            return value
        case .symbol("["): return try list()
        case .symbol("{"): return try dictionary()
        default: throw fail("unexpected '\(token.description)'")
        }
    }

    private mutating func list() throws(TemplateError) -> Expression {
        advance()
        var elements: [Expression] = []
        var tall = 0
        while current.kind != .symbol("]") {
            if !elements.isEmpty { try expect(.symbol(",")) }
            if current.kind == .symbol("]") { break }
            elements.append(try expression())
            tall = max(tall, height)
        }
        try expect(.symbol("]"))
        height = try grow(tall)
        return .list(elements)
    }

    private mutating func dictionary() throws(TemplateError) -> Expression {
        advance()
        var members: [(key: Expression, value: Expression)] = []
        var tall = 0
        while current.kind != .symbol("}") {
            if !members.isEmpty { try expect(.symbol(",")) }
            if current.kind == .symbol("}") { break }
            let key = try expression()
            tall = max(tall, height)
            try expect(.symbol(":"))
            members.append((key, try expression()))
            tall = max(tall, height)
        }
        try expect(.symbol("}"))
        height = try grow(tall)
        return .dictionary(members)
    }

    private mutating func postfix(_ subject: Expression) throws(TemplateError) -> Expression {
        var value = subject
        while true {
            let tall = height
            switch current.kind {
            case .symbol("."): value = try attribute(of: value)
            case .symbol("["): value = try subscripted(value)
            case .symbol("("): value = .call(value, try arguments())
            default: return value
            }
            height = try grow(max(tall, height))
        }
    }

    private mutating func attribute(of subject: Expression) throws(TemplateError) -> Expression {
        advance()
        let token = current
        advance()
        height = 1
        switch token.kind {
        case .name(let name): return .attribute(subject, name)
        case .integer: return .item(subject, .constant(constant(token)))
        default: throw .syntax("expected name or number", line: token.line)
        }
    }

    private func constant(_ token: Jinja.Token) -> Jinja.Constant {
        if case .integer(let value) = token.kind { return .integer(value) }
        return .none
    }

    private mutating func subscripted(_ subject: Expression) throws(TemplateError) -> Expression {
        advance()
        var parts: [Expression] = []
        var tall = 0
        if let slice = try slice(of: subject) { return slice }
        while current.kind != .symbol("]") {
            if !parts.isEmpty { try expect(.symbol(",")) }
            parts.append(try expression())
            tall = max(tall, height)
            if parts.count == 1, current.kind == .symbol(":") {
                return try slice(of: subject, from: parts[0])
            }
        }
        try expect(.symbol("]"))
        height = tall
        if parts.count == 1 { return .item(subject, parts[0]) }
        height = try grow(tall)
        return .item(subject, .tuple(parts))
    }

    private mutating func slice(of subject: Expression) throws(TemplateError) -> Expression? {
        guard current.kind == .symbol(":") else { return nil }
        height = 1
        return try slice(of: subject, from: nil)
    }

    /// Parses the rest of a slice, from its first colon on.
    private mutating func slice(
        of subject: Expression, from first: Expression?
    ) throws(TemplateError) -> Expression {
        var tall = height
        advance()
        var last: Expression?
        var step: Expression?
        if current.kind != .symbol(":"), current.kind != .symbol("]") {
            last = try expression()
            tall = max(tall, height)
        }
        if take(.symbol(":")), current.kind != .symbol("]") {
            step = try expression()
            tall = max(tall, height)
        }
        try expect(.symbol("]"))
        height = tall
        return .slice(subject, first, last, step)
    }

    /// Parses a parenthesized list of arguments.
    private mutating func arguments() throws(TemplateError) -> Arguments {
        let line = current.line
        let invalid = TemplateError.syntax(
            "invalid syntax for function call expression", line: line)
        try expect(.symbol("("))
        var result = Arguments()
        var tall = 0
        var needsComma = false
        while current.kind != .symbol(")") {
            if needsComma {
                try expect(.symbol(","))
                if current.kind == .symbol(")") { break }
            }
            needsComma = true
            if take(.symbol("*")) {
                guard result.spread == nil, result.keywordSpread == nil else { throw invalid }
                result.spread = try expression()
            } else if take(.symbol("**")) {
                guard result.keywordSpread == nil else { throw invalid }
                result.keywordSpread = try expression()
            } else if case .name(let name) = current.kind, following == .symbol("=") {
                guard result.keywordSpread == nil else { throw invalid }
                guard !result.keywords.contains(where: { $0.name == name }) else {
                    throw fail("keyword argument repeated: \(name)")
                }
                advance()
                advance()
                result.keywords.append((name, try expression()))
            } else {
                guard result.spread == nil, result.keywordSpread == nil, result.keywords.isEmpty
                else { throw invalid }
                result.positional.append(try expression())
            }
            tall = max(tall, height)
        }
        try expect(.symbol(")"))
        height = tall
        return result
    }

    private mutating func filtersAndTests(_ subject: Expression) throws(TemplateError) -> Expression
    {
        var value = subject
        while true {
            let tall = height
            switch current.kind {
            case .symbol("|"):
                guard let filtered = try filterChain(value) else { return value }
                value = filtered
                continue
            case .name("is"): value = try test(of: value)
            case .symbol("("): value = .call(value, try arguments())
            default: return value
            }
            height = try grow(max(tall, height))
        }
    }

    private mutating func dottedName() throws(TemplateError) -> String {
        var name = try expectName()
        while take(.symbol(".")) { name += "." + (try expectName()) }
        return name
    }

    /// Parses filters, each applied to the one before.
    mutating func filterChain(
        _ subject: Expression?, startsInline: Bool = false
    ) throws(TemplateError) -> Expression? {
        var value = subject
        var isInline = startsInline
        var tall = subject == nil ? 0 : height
        while isInline || current.kind == .symbol("|") {
            if !isInline { advance() }
            isInline = false
            let name = try dottedName()
            height = 0
            let arguments = current.kind == .symbol("(") ? try arguments() : Arguments()
            let filter: Jinja.Filter
            if let known = Jinja.Filter.all[name] {
                filter = known
            } else {
                let error = noteUnknown("No filter named '\(name)'.")
                filter = Jinja.Filter(name) { _, _, _ in throw error }
            }
            value = .filter(value, filter, arguments)
            tall = try grow(max(tall, height))
        }
        height = tall
        return value
    }

    private mutating func test(of subject: Expression) throws(TemplateError) -> Expression {
        advance()
        let isNegated = take(.name("not"))
        let name = try dottedName()
        height = 0
        var arguments = Arguments()
        switch current.kind {
        case .symbol("("): arguments = try self.arguments()
        case .name("else"), .name("or"), .name("and"): break
        case .name("is"): throw fail("You cannot chain multiple tests with is")
        case .name, .string, .integer, .float, .symbol("["), .symbol("{"):
            let argument = try primary()
            arguments.positional = [try postfix(argument)]
        default: break
        }
        let predicate: Jinja.Predicate
        if let known = Jinja.Predicate.all[name] {
            predicate = known
        } else {
            let error = noteUnknown("No test named '\(name)'.")
            predicate = Jinja.Predicate(name) { _, _, _ in throw error }
        }
        let test = Expression.test(subject, predicate, arguments)
        return isNegated ? .not(test) : test
    }
}
