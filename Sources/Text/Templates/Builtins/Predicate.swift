// Predicate.swift: what stands behind an `is`, by name.

extension Jinja {
    struct Predicate: Sendable {
        typealias Body = @Sendable (Value, CallArguments, Renderer) throws -> Bool

        let name: String
        let body: Body

        init(_ name: String, _ body: @escaping Body) {
            self.name = name
            self.body = body
        }

        static let all: [String: Predicate] = {
            var result: [String: Predicate] = [:]
            for (name, body) in types.merging(relations, uniquingKeysWith: { a, _ in a }) {
                result[name] = Predicate(name, body)
            }
            let aliases = [
                "equalto": "eq", "==": "eq", "!=": "ne", "<": "lt", "lessthan": "lt", "<=": "le",
                ">": "gt", "greaterthan": "gt", ">=": "ge",
            ]
            for (alias, name) in aliases { result[alias] = result[name] }
            return result
        }()

        private static let types: [String: Body] = [
            "defined": { value, _, _ in !value.isUndefined },
            "undefined": { value, _, _ in value.isUndefined },
            "none": { value, _, _ in value.isNone },
            "boolean": { value, _, _ in value.typeName == "bool" },
            "true": { value, _, _ in value.typeName == "bool" && value.isTrue },
            "false": { value, _, _ in value.typeName == "bool" && !value.isTrue },
            "integer": { value, _, _ in value.typeName == "int" },
            "float": { value, _, _ in value.typeName == "float" },
            "number": { value, _, _ in value.number != nil },
            "string": { value, _, _ in value.text != nil },
            "mapping": { value, _, _ in value.typeName == "dict" },
            "sequence": { value, _, _ in
                switch value {
                case .string, .markup, .list, .tuple, .dictionary, .undefined: true
                case .object(let object):
                    object.elements != nil && !object.typeName.hasPrefix("dict_")
                default: false
                }
            },
            "iterable": { value, _, _ in
                switch value {
                case .string, .markup, .list, .tuple, .dictionary, .undefined, .generator: true
                case .object(let object): object.elements != nil || object is Loop
                default: false
                }
            },
            "callable": { value, _, _ in
                switch value {
                case .undefined: true
                case .object(let object): object.isCallable
                default: false
                }
            },
            "escaped": { value, _, _ in value.typeName == "Markup" },
            "lower": { value, _, renderer in
                StringMethods.isLower(try renderer.text(of: value))
            },
            "upper": { value, _, renderer in
                StringMethods.isUpper(try renderer.text(of: value))
            },
            "filter": { value, _, _ in value.text.map { Filter.all[$0] != nil } ?? false },
            "test": { value, _, _ in value.text.map { all[$0] != nil } ?? false },
        ]

        private static let relations: [String: Body] = [
            "odd": { value, _, renderer in try rest(value, .integer(2), renderer, is: 1) },
            "even": { value, _, renderer in try rest(value, .integer(2), renderer, is: 0) },
            "divisibleby": { value, arguments, renderer in
                try rest(value, try other(arguments, "num"), renderer, is: 0)
            },
            "eq": comparison(.equal), "ne": comparison(.notEqual), "lt": comparison(.less),
            "le": comparison(.lessOrEqual), "gt": comparison(.greater),
            "ge": comparison(.greaterOrEqual), "in": comparison(.isIn),
            "sameas": { value, arguments, renderer in
                try isSame(value, try other(arguments, "other"), renderer)
            },
        ]

        private static func other(
            _ arguments: CallArguments, _ name: String
        ) throws(TemplateError) -> Value {
            try arguments.bind([name], function: "test", required: 1)[0] ?? .none
        }

        private static func rest(
            _ value: Value, _ divisor: Value, _ renderer: Renderer, is wanted: Int
        ) throws -> Bool {
            let rest = try renderer.binary(.modulo, value, divisor)
            return try renderer.areEqual(rest, .integer(wanted))
        }

        private static func comparison(_ comparison: Comparison) -> Body {
            { value, arguments, renderer in
                try renderer.holds(comparison, value, try other(arguments, "b"))
            }
        }

        /// Python's `is`, as far as values have an identity here.
        private static func isSame(
            _ left: Value, _ right: Value, _ renderer: Renderer
        ) throws -> Bool {
            switch (left, right) {
            case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
                guard a.values.count == b.values.count else { return false }
                return a.values.withUnsafeBufferPointer { x in
                    b.values.withUnsafeBufferPointer { y in x.baseAddress == y.baseAddress }
                }
            case (.dictionary(let a), .dictionary(let b)):
                return a.values.withUnsafeBufferPointer { x in
                    b.values.withUnsafeBufferPointer { y in x.baseAddress == y.baseAddress }
                }
            case (.undefined(let a), .undefined(let b)): return a === b
            default:
                guard left.typeName == right.typeName else { return false }
                return try renderer.areEqual(left, right)
            }
        }
    }
}
