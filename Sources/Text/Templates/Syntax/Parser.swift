// Parser.swift: tokens to a tree; statements here, expressions in Parser+Expressions.
// Accepts what Jinja2 3.1 accepts with the loop controls and `generation`, and says the same words.

extension Jinja {
    struct Parser {
        let tokens: [Token]
        let nestingMax: Int
        var position = 0
        var symbols = Symbol.reserved
        private var symbolNumbers: [String: Int] = [:]
        /// How often each reserved name was read so far.
        var uses = [Int](repeating: 0, count: Symbol.reserved.count)
        var nesting = 0
        /// Height of the expression parsed last; chains grow trees without nesting the parser.
        var height = 0
        private var loops = 0
        /// Inside a branch an unknown filter is an error only when it is reached.
        private var isConditional = false
        var unknownNames: [TemplateError] = []
        /// The tags that would end the bodies being parsed, innermost last.
        private var endTags: [(names: [String], opener: String)] = []

        init(_ tokens: [Token], nestingMax: Int) {
            self.tokens = tokens
            self.nestingMax = nestingMax
            for (index, name) in symbols.enumerated() { symbolNumbers[name] = index }
        }

        mutating func template() throws(TemplateError) -> [Statement] {
            let body = try statements(until: [])
            if let unknown = unknownNames.first { throw unknown }
            return body
        }

        mutating func symbol(_ name: String) -> Int {
            if let number = symbolNumbers[name] { return number }
            symbols.append(name)
            symbolNumbers[name] = symbols.count - 1
            return symbols.count - 1
        }

        // MARK: tokens

        var current: Token { tokens[position] }

        var following: Token.Kind {
            position + 1 < tokens.count ? tokens[position + 1].kind : .end
        }

        mutating func advance() { if position + 1 < tokens.count { position += 1 } }

        mutating func take(_ kind: Token.Kind) -> Bool {
            guard current.kind == kind else { return false }
            advance()
            return true
        }

        mutating func expect(_ kind: Token.Kind) throws(TemplateError) {
            if take(kind) { return }
            let wanted = Token(kind: kind, line: 0).description
            if current.kind == .end {
                throw fail("unexpected end of template, expected '\(wanted)'.")
            }
            throw fail("expected token '\(wanted)', got '\(current.description)'")
        }

        mutating func expectName() throws(TemplateError) -> String {
            guard case .name(let name) = current.kind else {
                throw fail("expected token 'name', got '\(current.description)'")
            }
            advance()
            return name
        }

        func fail(_ message: String) -> TemplateError { .syntax(message, line: current.line) }

        mutating func enter() throws(TemplateError) {
            nesting += 1
            if nesting > nestingMax { throw .limit("nestingMax", nestingMax) }
        }

        // MARK: bodies

        /// Parses up to one of the tags named, and stops at its name.
        private mutating func statements(
            until ends: [String]
        ) throws(TemplateError) -> [Statement] {
            try enter()
            defer { nesting -= 1 }
            var body: [Statement] = []
            while true {
                switch current.kind {
                case .data(let text):
                    body.append(.text(text))
                    advance()
                case .variableBegin:
                    advance()
                    body.append(.output(try tuple()))
                    try expect(.variableEnd)
                case .blockBegin:
                    advance()
                    if case .name(let name) = current.kind, ends.contains(name) { return body }
                    body.append(contentsOf: try statement())
                    try expect(.blockEnd)
                default:
                    if ends.isEmpty { return body }
                    throw fail("Unexpected end of template." + expectation())
                }
            }
        }

        /// Parses the body of the tag whose head was just read.
        private mutating func body(
            of opener: String, until ends: [String], takesEnd: Bool = true
        ) throws(TemplateError) -> [Statement] {
            _ = take(.symbol(":"))
            try expect(.blockEnd)
            endTags.append((ends, opener))
            let body = try statements(until: ends)
            endTags.removeLast()
            if takesEnd { advance() }
            return body
        }

        /// Parses a body that has names of its own: loops outside cannot be left from within,
        /// and what it holds is not conditional any more.
        private mutating func isolatedBody(
            of opener: String, until ends: [String], isLoop: Bool = false, keepsLoops: Bool = false,
            takesEnd: Bool = true
        ) throws(TemplateError) -> [Statement] {
            let outer = (loops, isConditional)
            if isLoop { loops += 1 } else if !keepsLoops { loops = 0 }
            isConditional = false
            defer { (loops, isConditional) = outer }
            return try body(of: opener, until: ends, takesEnd: takesEnd)
        }

        private func expectation() -> String {
            guard let last = endTags.last else { return "" }
            let names = last.names.map { "'\($0)'" }.joined(separator: " or ")
            return " Jinja was looking for the following tags: \(names)."
                + " The innermost block that needs to be closed is '\(last.opener)'."
        }

        private mutating func statement() throws(TemplateError) -> [Statement] {
            guard case .name(let tag) = current.kind else { throw fail("tag name expected") }
            let line = current.line
            advance()
            switch tag {
            case "for": return [try forLoop()]
            case "if": return [try branch()]
            case "set": return [try assignment()]
            case "macro": return [try macro()]
            case "call": return [try callBlock()]
            case "filter": return [try filterBlock()]
            case "with": return [try with()]
            case "block": return [try block()]
            case "print": return try printStatement()
            case "generation":
                return [.scope(try isolatedBody(of: tag, until: ["endgeneration"]))]
            case "break", "continue":
                guard loops > 0 else { throw .syntax("'\(tag)' outside loop", line: line) }
                return [tag == "break" ? .breakLoop : .continueLoop]
            case "include", "import", "from", "extends":
                while current.kind != .blockEnd, current.kind != .end { advance() }
                return [.needsLoader]
            default:
                throw .syntax("Encountered unknown tag '\(tag)'." + expectation(), line: line)
            }
        }

        // MARK: statements

        private mutating func forLoop() throws(TemplateError) -> Statement {
            let target = try assignmentTarget(endsAtIn: true)
            try expect(.name("in"))
            let iterable = try tuple(allowsConditional: false, endsAtRecursive: true)
            let test = take(.name("if")) ? try expression() : nil
            let isRecursive = take(.name("recursive"))
            let before = uses[Symbol.loop]
            let body = try isolatedBody(
                of: "for", until: ["endfor", "else"], isLoop: true, takesEnd: false)
            let usesLoop = uses[Symbol.loop] > before
            var otherwise: [Statement] = []
            if take(.name("else")) {
                otherwise = try isolatedBody(of: "for", until: ["endfor"], keepsLoops: true)
            } else {
                advance()
            }
            return .loop(
                ForLoop(
                    target: target, iterable: iterable, test: test, isRecursive: isRecursive,
                    usesLoop: usesLoop || isRecursive, body: body, otherwise: otherwise))
        }

        private mutating func branch() throws(TemplateError) -> Statement {
            let outer = isConditional
            isConditional = true
            defer { isConditional = outer }
            var branches: [(test: Expression, body: [Statement])] = []
            while true {
                let test = try tuple(allowsConditional: false)
                let body = try body(of: "if", until: ["elif", "else", "endif"], takesEnd: false)
                branches.append((test, body))
                if take(.name("elif")) { continue }
                if take(.name("else")) {
                    let otherwise = try self.body(of: "if", until: ["endif"])
                    return .branch(branches, otherwise: otherwise)
                }
                advance()
                return .branch(branches, otherwise: [])
            }
        }

        /// Lets unknown filters and tests found since then fail when they are reached.
        mutating func forgiveUnknownNames(since count: Int) {
            unknownNames.removeLast(unknownNames.count - count)
        }

        mutating func noteUnknown(_ message: String) -> TemplateError {
            let error = TemplateError(
                kind: .syntax, exception: "TemplateAssertionError", message: message,
                line: current.line)
            if !isConditional { unknownNames.append(error) }
            return .runtime("TemplateRuntimeError", message)
        }

        private mutating func assignment() throws(TemplateError) -> Statement {
            let target = try assignmentTarget(allowsNamespace: true)
            if take(.symbol("=")) { return .assign(target, try tuple()) }
            let filter = try filterChain(nil)
            let body = try isolatedBody(of: "set", until: ["endset"])
            return .assignBlock(target, filter: filter, body: body)
        }

        private mutating func macro() throws(TemplateError) -> Statement {
            let name = try expectName()
            let parameters = try signature()
            return .macro(
                try definition(name, parameters, opener: "macro", end: "endmacro"))
        }

        private mutating func definition(
            _ name: String?, _ parameters: [MacroDefinition.Parameter], opener: String, end: String
        ) throws(TemplateError) -> MacroDefinition {
            let before = uses
            let body = try isolatedBody(of: opener, until: [end])
            func isUsed(_ symbol: Int) -> Bool {
                uses[symbol] > before[symbol] && !parameters.contains { $0.symbol == symbol }
            }
            return MacroDefinition(
                name: name, symbol: name.map { symbol($0) } ?? Symbol.caller,
                parameters: parameters, body: body, usesCaller: isUsed(Symbol.caller),
                usesKeywords: isUsed(Symbol.keywords), usesExtras: isUsed(Symbol.extras))
        }

        private mutating func signature() throws(TemplateError) -> [MacroDefinition.Parameter] {
            var parameters: [MacroDefinition.Parameter] = []
            try expect(.symbol("("))
            while current.kind != .symbol(")") {
                if !parameters.isEmpty { try expect(.symbol(",")) }
                let name = try expectName()
                var defaultValue: Expression?
                if take(.symbol("=")) {
                    defaultValue = try expression()
                } else if parameters.last?.defaultValue != nil {
                    throw fail("non-default argument follows default argument")
                }
                parameters.append(
                    .init(symbol: symbol(name), name: name, defaultValue: defaultValue))
            }
            try expect(.symbol(")"))
            return parameters
        }

        private mutating func callBlock() throws(TemplateError) -> Statement {
            let parameters = current.kind == .symbol("(") ? try signature() : []
            let line = current.line
            let call = try expression()
            guard case .call = call else { throw .syntax("expected call", line: line) }
            let caller = try definition(nil, parameters, opener: "call", end: "endcall")
            return .call(call, caller: caller)
        }

        private mutating func filterBlock() throws(TemplateError) -> Statement {
            let filter = try filterChain(nil, startsInline: true)
            let body = try isolatedBody(of: "filter", until: ["endfilter"])
            guard let filter else { preconditionFailure("an inline chain has a filter") }
            return .filter(filter, body: body)
        }

        private mutating func with() throws(TemplateError) -> Statement {
            var bindings: [(target: Target, value: Expression)] = []
            while current.kind != .blockEnd {
                if !bindings.isEmpty { try expect(.symbol(",")) }
                let target = try assignmentTarget()
                try expect(.symbol("="))
                bindings.append((target, try expression()))
            }
            let body = try isolatedBody(of: "with", until: ["endwith"], keepsLoops: true)
            return .with(bindings, body: body)
        }

        private mutating func block() throws(TemplateError) -> Statement {
            let name = try expectName()
            let isScoped = take(.name("scoped"))
            _ = take(.name("required"))
            if current.kind == .symbol("-") {
                throw fail("Block names in Jinja have to be valid Python identifiers.")
            }
            let body = try isolatedBody(of: "block", until: ["endblock"])
            _ = take(.name(name))
            return isScoped ? .scope(body) : .block(body)
        }

        private mutating func printStatement() throws(TemplateError) -> [Statement] {
            var outputs: [Statement] = []
            while current.kind != .blockEnd {
                if !outputs.isEmpty { try expect(.symbol(",")) }
                outputs.append(.output(try expression()))
            }
            return outputs
        }

        // MARK: targets

        private mutating func assignmentTarget(
            endsAtIn: Bool = false, allowsNamespace: Bool = false
        ) throws(TemplateError) -> Target {
            var targets: [Target] = []
            var isTuple = false
            while true {
                if !targets.isEmpty { try expect(.symbol(",")) }
                if isTupleEnd() || (endsAtIn && current.kind == .name("in")) { break }
                targets.append(try simpleTarget(allowsNamespace))
                guard current.kind == .symbol(",") else { break }
                isTuple = true
            }
            if !isTuple, let only = targets.first { return only }
            guard isTuple else {
                throw fail("Expected an expression, got '\(current.description)'")
            }
            return .tuple(targets)
        }

        private mutating func simpleTarget(_ allowsNamespace: Bool) throws(TemplateError) -> Target
        {
            try enter()
            defer { nesting -= 1 }
            switch current.kind {
            case .symbol("("):
                advance()
                let target = try assignmentTarget(allowsNamespace: allowsNamespace)
                try expect(.symbol(")"))
                return target
            case .name(let name):
                guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
                    throw fail("can't assign to 'const'")
                }
                advance()
                if allowsNamespace, take(.symbol(".")) {
                    return .attribute(namespace: symbol(name), name: try expectName())
                }
                return .name(symbol(name))
            case .string, .integer, .float: throw fail("can't assign to 'const'")
            case .symbol("["): throw fail("can't assign to 'list'")
            case .symbol("{"): throw fail("can't assign to 'dict'")
            default: throw fail("unexpected '\(current.description)'")
            }
        }

        func isTupleEnd() -> Bool {
            switch current.kind {
            case .variableEnd, .blockEnd, .symbol(")"): true
            default: false
            }
        }
    }
}
