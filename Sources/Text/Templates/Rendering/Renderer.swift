// Renderer.swift: one rendering of a template: its statements, its scopes, its budget.
// Its one idea: every visit, element and stretch of text costs steps, so no template runs away.
import JSON

extension Jinja {
    /// The names of one body, over those of the bodies around it.
    final class Scope {
        let parent: Scope?
        private var symbols: [Int] = []
        private var values: [Value] = []

        init(_ parent: Scope?) { self.parent = parent }

        func value(_ symbol: Int) -> Value? {
            for index in symbols.indices.reversed() where symbols[index] == symbol {
                return values[index]
            }
            return nil
        }

        func set(_ symbol: Int, _ value: Value) {
            if let index = symbols.firstIndex(of: symbol) {
                values[index] = value
            } else {
                symbols.append(symbol)
                values.append(value)
            }
        }

        func removeAll() {
            symbols = []
            values = []
        }
    }

    enum Flow { case normal, breakLoop, continueLoop }

    final class Renderer {
        let template: Template
        let limits: ChatTemplate.Limits
        let clock: TemplateClock
        /// The names at the top of the template, by number.
        private var globals: [Value?]
        var scope: Scope?
        var output: Printer
        private var steps = 0
        private var depth = 0
        /// The text that a filter block's first filter is applied to.
        var blockText: Value = .none
        /// What can be part of a cycle; emptied at the end.
        private var namespaces: [Namespace] = []
        private var captured: [Scope] = []

        init(_ template: Template, limits: ChatTemplate.Limits, clock: TemplateClock) {
            self.template = template
            self.limits = limits
            self.clock = clock
            globals = Array(repeating: nil, count: template.symbols.count)
            output = Printer(bytesMax: limits.outputBytesMax)
        }

        func render(_ context: JSONObject) throws -> String {
            for (symbol, name) in template.symbols.enumerated() {
                if let value = context[name] {
                    let value = Value(value)
                    globals[symbol] = try checked(value)
                } else {
                    globals[symbol] = Self.global(name)
                }
            }
            _ = try execute(template.body)
            return output.text
        }

        /// Breaks the cycles that closures and namespaces may form.
        func release() {
            globals = []
            scope = nil
            for namespace in namespaces { namespace.members = Dictionary() }
            for scope in captured { scope.removeAll() }
        }

        // MARK: budget

        @inline(__always)
        func charge(_ count: Int = 1) throws(TemplateError) {
            steps &+= count
            if steps > limits.stepsMax || count > limits.stepsMax {
                throw .limit("stepsMax", limits.stepsMax)
            }
        }

        func charge(text: String) throws(TemplateError) {
            let count = text.utf8.count
            try check(bytes: count)
            try charge(1 + count / 32)
        }

        /// Refuses a text before it is made.
        func check(bytes: Int) throws(TemplateError) {
            if bytes > limits.outputBytesMax {
                throw .limit("outputBytesMax", limits.outputBytesMax)
            }
        }

        @inline(__always)
        func enter() throws(TemplateError) {
            depth += 1
            if depth > limits.depthMax { throw .limit("depthMax", limits.depthMax) }
        }

        @inline(__always)
        func leave() { depth -= 1 }

        func checked(_ value: Value) throws(TemplateError) -> Value {
            if value.depth > limits.depthMax { throw .limit("depthMax", limits.depthMax) }
            return value
        }

        // MARK: names

        func lookup(_ symbol: Int) -> Value {
            var place = scope
            while let current = place {
                if let value = current.value(symbol) { return value }
                place = current.parent
            }
            return globals[symbol] ?? .undefined(Undefined(name: template.symbols[symbol]))
        }

        func set(_ symbol: Int, _ value: Value) {
            if let scope { scope.set(symbol, value) } else { globals[symbol] = value }
        }

        func makeNamespace() throws(TemplateError) -> Namespace {
            try charge(16)
            let namespace = Namespace()
            namespaces.append(namespace)
            return namespace
        }

        /// The scope to keep for a macro that may outlive it.
        func capture() -> Scope? {
            if let scope, captured.last !== scope { captured.append(scope) }
            return scope
        }

        /// Runs with another innermost scope.
        func with<Result>(_ inner: Scope?, _ body: () throws -> Result) throws -> Result {
            let outer = scope
            scope = inner
            defer { scope = outer }
            return try body()
        }

        /// What a body writes, instead of writing it.
        func captureOutput(_ body: () throws -> Void) throws -> String {
            let outer = output
            output = Printer(bytesMax: limits.outputBytesMax)
            defer { output = outer }
            try body()
            let text = output.text
            try charge(text: text)
            return text
        }

        // MARK: statements

        func execute(_ statements: [Statement]) throws -> Flow {
            try enter()
            defer { leave() }
            for statement in statements {
                try charge()
                let flow = try execute(statement)
                if flow != .normal { return flow }
            }
            return .normal
        }

        private func execute(_ statement: Statement) throws -> Flow {
            switch statement {
            case .text(let text):
                try charge(text.utf8.count / 32)
                output.append(text)
                try output.check()
            case .output(let expression): try write(expression)
            case .loop(let loop): try run(loop)
            case .branch(let branches, let otherwise):
                for branch in branches where try evaluate(branch.test).isTrue {
                    return try execute(branch.body)
                }
                return try execute(otherwise)
            case .assign(let target, let expression): try assign(target, try evaluate(expression))
            case .assignBlock(let target, let filter, let body):
                try assign(target, try blockValue(body, filter))
            case .macro(let definition):
                set(definition.symbol, .object(Macro(definition, capture())))
            case .call(let call, let caller): try runCall(call, caller)
            case .filter(let filter, let body): try output.append(try blockValue(body, filter))
            case .with(let bindings, let body): try runWith(bindings, body)
            case .block(let body): try with(Scope(nil)) { _ = try execute(body) }
            case .scope(let body): try with(Scope(scope)) { _ = try execute(body) }
            case .breakLoop: return .breakLoop
            case .continueLoop: return .continueLoop
            case .needsLoader:
                throw TemplateError.type("no loader for this environment specified")
            }
            return .normal
        }

        private func write(_ expression: Expression) throws {
            let value = try evaluate(expression)
            let before = output.text.utf8.count
            try output.append(value)
            try charge((output.text.utf8.count - before) / 32)
        }

        private func blockValue(_ body: [Statement], _ filter: Expression?) throws -> Value {
            let text = try captureOutput { try with(Scope(scope)) { _ = try execute(body) } }
            guard let filter else { return .string(text) }
            let outer = blockText
            blockText = .string(text)
            defer { blockText = outer }
            return try evaluate(filter)
        }

        private func runCall(_ call: Expression, _ definition: MacroDefinition) throws {
            guard case .call(let function, let arguments) = call else {
                preconditionFailure("the parser lets only calls be called")
            }
            let caller = Value.object(Macro(definition, capture()))
            let callee = try evaluate(function)
            var evaluated = try evaluate(arguments)
            evaluated.keywords.append(("caller", caller))
            try output.append(try self.call(callee, evaluated))
        }

        private func runWith(
            _ bindings: [(target: Target, value: Expression)], _ body: [Statement]
        ) throws {
            let values = try bindings.map { try evaluate($0.value) }
            try with(Scope(scope)) {
                for (binding, value) in zip(bindings, values) { try assign(binding.target, value) }
                _ = try execute(body)
            }
        }

        func assign(_ target: Target, _ value: Value) throws {
            switch target {
            case .name(let symbol): set(symbol, value)
            case .attribute(let symbol, let name):
                guard case .object(let object) = lookup(symbol),
                    let namespace = object as? Namespace
                else {
                    throw TemplateError.runtime(
                        "TemplateRuntimeError", "cannot assign attribute on non-namespace object")
                }
                namespace.members.set(name, to: try checked(value))
            case .tuple(let targets):
                let values = try unpack(value, targets.count)
                for (target, value) in zip(targets, values) { try assign(target, value) }
            }
        }

        private func unpack(_ value: Value, _ count: Int) throws -> [Value] {
            if case .undefined = value { return try unpacked([], count) }
            guard let iterator = try? iterator(over: value) else {
                throw TemplateError.type(
                    "cannot unpack non-iterable \(value.typeName) object")
            }
            var values: [Value] = []
            while values.count <= count, let next = try iterator.next() { values.append(next) }
            return try unpacked(values, count)
        }

        private func unpacked(_ values: [Value], _ count: Int) throws -> [Value] {
            if values.count > count {
                throw TemplateError.value("too many values to unpack (expected \(count))")
            }
            guard values.count == count else {
                throw TemplateError.value(
                    "not enough values to unpack (expected \(count), got \(values.count))")
            }
            return values
        }
    }
}
