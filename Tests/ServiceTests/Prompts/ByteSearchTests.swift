import JSON
import Material
import Testing

@testable import Service

@Suite struct ByteSearchTests {
    /// The obvious way.
    private static func expected(_ needle: [UInt8], in text: [UInt8]) -> Int? {
        guard needle.count <= text.count else { return nil }
        return (0...(text.count - needle.count)).last { text[$0...].starts(with: needle) }
    }

    @Test func `the last occurrence is found, or none`() {
        let seed = UInt64.random(in: 0 ... .max)
        print("byte search: seed \(seed)")
        var generator = SeededNumbers(seed: seed)
        for _ in 0..<2000 {
            // Few letters, so that parts repeat.
            let text = (0..<Int.random(in: 0...40, using: &generator)).map { _ in
                UInt8.random(in: 0...1, using: &generator)
            }
            let needle = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
                UInt8.random(in: 0...1, using: &generator)
            }
            #expect(text.lastStart(of: needle) == Self.expected(needle, in: text), "\(needle) in \(text)")
        }
    }

    @Test(.timeLimit(.minutes(1))) func `the worst texts take no longer than any`() {
        let text = [UInt8](repeating: 97, count: 4 << 20)
        let needle = [98] + [UInt8](repeating: 97, count: 1 << 20)
        #expect(text.lastStart(of: needle) == nil)
    }

    @Test(arguments: [
        ("<u>Hi there</u>", "Hi there", "<u>Hi there"), ("Hi Hi</u>", "Hi", "Hi Hi"),
        ("<u>Hi</u>", " Hi ", "<u>Hi"), ("<u> Hi </u>", " Hi ", "<u> Hi "), ("<u></u>", "Hi", nil),
        ("<u></u>", "  ", nil),
    ]) func `a message is reopened at the end of its own text`(text: String, content: String, open: String?) {
        #expect(TemplateMessage.reopened(text, after: ["content": .string(content)]) == open)
    }
}
