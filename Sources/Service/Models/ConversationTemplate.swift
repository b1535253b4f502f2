// ConversationTemplate.swift: a model's chat template, and whether it wants message parts or plain strings.
// The template itself is Text's; this only knows what to hand it.
import Text

/// A compiled chat template.
public struct ConversationTemplate: Sendable {
    let template: ChatTemplate
    /// Whether the template walks over a message's parts; if not, parts are joined to one string for it.
    public let takesParts: Bool

    /// What a template that comes with a request may take; the model's own, which the operator chose, may
    /// take ten times as much.
    static let requestLimits = ChatTemplate.Limits(stepsMax: 2_000_000)

    public init(_ source: String) throws(TemplateError) {
        try self.init(source, limits: ChatTemplate.Limits())
    }

    init(_ source: String, limits: ChatTemplate.Limits) throws(TemplateError) {
        template = try ChatTemplate(source, limits: limits)
        takesParts = Self.walksOverContent(Array(source.utf8))
    }

    /// Whether a `{% for ... in ...content %}` stands in the source.
    private static func walksOverContent(_ source: [UInt8]) -> Bool {
        var index = 0
        while index + 1 < source.count {
            guard source[index] == UInt8(ascii: "{"), source[index + 1] == UInt8(ascii: "%") else {
                index += 1
                continue
            }
            let start = index + 2
            var end = start
            while end + 1 < source.count,
                !(source[end] == UInt8(ascii: "%") && source[end + 1] == UInt8(ascii: "}"))
            { end += 1 }
            if isContentLoop(source[start..<end]) { return true }
            index = end
        }
        return false
    }

    private static func isContentLoop(_ tag: ArraySlice<UInt8>) -> Bool {
        let words = tag.split { !isWordByte($0) }
        return words.first.map { $0.elementsEqual("for".utf8) } == true
            && words.contains { $0.elementsEqual("in".utf8) }
            && words.last.map { $0.elementsEqual("content".utf8) } == true
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}
