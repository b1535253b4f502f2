// Token.swift: the words of a template.

extension Jinja {
    struct Token: Sendable {
        enum Kind: Sendable, Equatable {
            case data(String)
            case variableBegin, variableEnd, blockBegin, blockEnd
            case name(String)
            case string(String)
            case integer(Int128)
            case float(Double)
            case symbol(String)
            case end
        }

        let kind: Kind
        let line: Int

        /// The token as Jinja2 names it in its messages.
        var description: String {
            switch kind {
            case .data: "template data / text"
            case .variableBegin: "begin of print statement"
            case .variableEnd: "end of print statement"
            case .blockBegin: "begin of statement block"
            case .blockEnd: "end of statement block"
            case .name(let name): name
            case .string: "string"
            case .integer: "integer"
            case .float: "float"
            case .symbol(let symbol): symbol
            case .end: "end of template"
            }
        }
    }

    /// What happens to white space around blocks.
    struct Whitespace: Sendable {
        /// Drops the first newline after a block.
        var trimBlocks: Bool
        /// Drops the white space before a block that begins its line.
        var lstripBlocks: Bool

        static let chat = Whitespace(trimBlocks: true, lstripBlocks: true)
    }
}
