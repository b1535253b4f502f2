// Syntax.swift: a parsed template, as a tree of values.
// Names are numbers, so that scopes are searched without hashing.

extension Jinja {
    enum Constant: Sendable {
        case none
        case bool(Bool)
        case integer(Int128)
        case double(Double)
        case string(String)
    }

    enum UnaryOperator: String, Sendable {
        case negative = "-"
        case positive = "+"
    }

    enum BinaryOperator: String, Sendable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"
        case floorDivide = "//"
        case modulo = "%"
        case power = "**"
    }

    enum Comparison: String, Sendable {
        case equal = "=="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case isIn = "in"
        case isNotIn = "not in"
    }

    struct Arguments: Sendable {
        var positional: [Expression] = []
        var keywords: [(name: String, value: Expression)] = []
        var spread: Expression?
        var keywordSpread: Expression?
    }

    indirect enum Expression: Sendable {
        case constant(Constant)
        case name(Int)
        case list([Expression])
        case tuple([Expression])
        case dictionary([(key: Expression, value: Expression)])
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, Expression?, Expression?, Expression?)
        case call(Expression, Arguments)
        /// Without a subject it filters the text of the block around it.
        case filter(Expression?, Filter, Arguments)
        case test(Expression, Predicate, Arguments)
        case unary(UnaryOperator, Expression)
        case binary(BinaryOperator, Expression, Expression)
        case compare(Expression, [(Comparison, Expression)])
        case and(Expression, Expression)
        case or(Expression, Expression)
        case not(Expression)
        case concatenate([Expression])
        case conditional(test: Expression, then: Expression, otherwise: Expression?, line: Int)
    }

    indirect enum Target: Sendable {
        case name(Int)
        case attribute(namespace: Int, name: String)
        case tuple([Target])
    }

    struct ForLoop: Sendable {
        let target: Target
        let iterable: Expression
        let test: Expression?
        let isRecursive: Bool
        /// Whether the body reads `loop`.
        let usesLoop: Bool
        let body: [Statement]
        let otherwise: [Statement]
    }

    struct MacroDefinition: Sendable {
        struct Parameter: Sendable {
            let symbol: Int
            let name: String
            let defaultValue: Expression?
        }

        let name: String?
        let symbol: Int
        let parameters: [Parameter]
        let body: [Statement]
        let usesCaller: Bool
        let usesKeywords: Bool
        let usesExtras: Bool
    }

    indirect enum Statement: Sendable {
        case text(String)
        case output(Expression)
        case loop(ForLoop)
        case branch([(test: Expression, body: [Statement])], otherwise: [Statement])
        case assign(Target, Expression)
        case assignBlock(Target, filter: Expression?, body: [Statement])
        case macro(MacroDefinition)
        case call(Expression, caller: MacroDefinition)
        case filter(Expression, body: [Statement])
        case with([(target: Target, value: Expression)], body: [Statement])
        /// A body with names of its own, which sees those of the template alone.
        case block([Statement])
        /// A body with names of its own.
        case scope([Statement])
        case breakLoop
        case continueLoop
        /// A tag that needs other templates, of which there are none.
        case needsLoader
    }

    /// A parsed template and the names it speaks of.
    struct Template: Sendable {
        let body: [Statement]
        /// Names by their number.
        let symbols: [String]

        init(
            _ source: String, whitespace: Whitespace, limits: ChatTemplate.Limits
        ) throws(TemplateError) {
            guard source.utf8.count <= limits.sourceBytesMax else {
                throw .limit("sourceBytesMax", limits.sourceBytesMax)
            }
            let tokens = try Lexer.tokens(of: source, whitespace: whitespace)
            var parser = Parser(tokens, nestingMax: limits.nestingMax)
            body = try parser.template()
            symbols = parser.symbols
        }
    }

    /// Numbers of the names that the interpreter itself binds.
    enum Symbol {
        static let loop = 0
        static let caller = 1
        static let keywords = 2
        static let extras = 3
        static let reserved = ["loop", "caller", "kwargs", "varargs"]
    }
}
