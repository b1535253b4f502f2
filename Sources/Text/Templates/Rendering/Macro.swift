// Macro.swift: a named body that is called with arguments and answers its text.

extension Jinja {
    final class Macro: Object {
        private let definition: MacroDefinition
        private let scope: Scope?

        init(_ definition: MacroDefinition, _ scope: Scope?) {
            self.definition = definition
            self.scope = scope
        }

        override var typeName: String { "Macro" }
        override var isCallable: Bool { true }

        override func attribute(_ name: String) -> Value? {
            switch name {
            case "name": definition.name.map { .string($0) } ?? Value.none
            case "arguments": .tuple(definition.parameters.map { .string($0.name) })
            case "caller": .bool(definition.usesCaller)
            case "catch_kwargs": .bool(definition.usesKeywords)
            case "catch_varargs": .bool(definition.usesExtras)
            default: nil
            }
        }

        override func text(_ printer: inout Printer) throws {
            printer.append("<Macro \(quotedName)>")
        }

        private var quotedName: String {
            definition.name.map { Value.string($0).quoted } ?? "anonymous"
        }

        private var messageName: String { definition.name == nil ? "None" : quotedName }

        override func call(_ arguments: CallArguments, _ renderer: Renderer) throws -> Value {
            let inner = Scope(scope)
            var keywords = arguments.keywords
            let parameters = definition.parameters
            var missing: [MacroDefinition.Parameter] = []
            for (index, parameter) in parameters.enumerated() {
                if index < arguments.positional.count {
                    inner.set(parameter.symbol, arguments.positional[index])
                } else if let place = keywords.firstIndex(where: { $0.name == parameter.name }) {
                    inner.set(parameter.symbol, keywords.remove(at: place).value)
                } else {
                    missing.append(parameter)
                }
            }
            if definition.usesCaller {
                let place = keywords.firstIndex { $0.name == "caller" }
                inner.set(
                    Symbol.caller,
                    place.map { keywords.remove(at: $0).value } ?? .undefined("No caller defined"))
            }
            try bindRest(arguments, keywords, inner)
            try renderer.enter()
            defer { renderer.leave() }
            let text = try renderer.captureOutput {
                try renderer.with(inner) {
                    for parameter in missing {
                        let value = try parameter.defaultValue.map { try renderer.evaluate($0) }
                        inner.set(
                            parameter.symbol,
                            value ?? .undefined("parameter '\(parameter.name)' was not provided"))
                    }
                    _ = try renderer.execute(definition.body)
                }
            }
            return .string(text)
        }

        /// Binds the arguments that have no parameter, or refuses them.
        private func bindRest(
            _ arguments: CallArguments, _ keywords: [(name: String, value: Value)], _ inner: Scope
        ) throws {
            if definition.usesKeywords {
                var dictionary = Dictionary()
                for (name, value) in keywords { dictionary.set(name, to: value) }
                inner.set(Symbol.keywords, .dictionary(dictionary))
            } else if let first = keywords.first {
                if keywords.contains(where: { $0.name == "caller" }) {
                    throw TemplateError.type(
                        "macro \(messageName) was invoked with two values for the special"
                            + " caller argument. This is most likely a bug.")
                }
                throw TemplateError.type(
                    "macro \(messageName) takes no keyword argument '\(first.name)'")
            }
            let count = definition.parameters.count
            if definition.usesExtras {
                inner.set(Symbol.extras, .tuple(Array(arguments.positional.dropFirst(count))))
            } else if arguments.positional.count > count {
                throw TemplateError.type(
                    "macro \(messageName) takes not more than \(count) argument(s)")
            }
        }
    }
}
