// TemplateFuzzTests.swift: changed templates render or are refused; nothing else can happen.
import Foundation
import JSON
import Material
import Testing

@testable import Text

@Suite struct TemplateFuzzTests {
    private static let fragments = [
        "{{", "}}", "{%", "%}", "{#", "#}", "-%}", "{%-", " if ", " else ", " for x in messages ",
        "{% endfor %}", "{% endif %}", "{% set x = [x, x] %}", "| list", "| tojson", "| length",
        "[::-1]", "[-1]", "(", ")", "[", "]", "'", "\"", "\\", ".", "~", "*", " ** 9", " % x",
        "loop.", "namespace()", "messages", "{% macro m(a) %}", "{% endmacro %}", "m(m)", "\n",
        " is defined", " not ", "none", "é", "😀", "0", "1e400", "| map('upper')", "| join(x)",
    ]

    private static let builtIn = [
        "{% for m in messages %}{{ '<' ~ m.role ~ '>' + m.content | trim }}{% endfor %}",
        "{% macro m(a, b=2) %}{{ a }}{{ b }}{% endmacro %}{% set ns = namespace(n=0) %}"
            + "{% for m in messages if m.role %}{% set ns.n = ns.n + 1 %}{{ m(loop.index, ns.n) }}"
            + "{% endfor %}{{ messages | map(attribute='role') | join(', ') | upper }}",
    ]

    @Test func `random changes never crash or exceed a limit`() throws {
        var sources = Self.builtIn
        if Material.has("templates") {
            let jinja = TemplateConformance.folder.appendingPathComponent("jinja")
            for name in try FileManager.default.contentsOfDirectory(atPath: jinja.path).sorted() {
                sources.append(
                    try String(contentsOf: jinja.appendingPathComponent(name), encoding: .utf8))
            }
        }
        let context: JSONObject = [
            "messages": [
                ["role": "system", "content": "Be brief."], ["role": "user", "content": "Hi é😀"],
                [
                    "role": "assistant", "content": nil,
                    "tool_calls": [
                        ["function": ["name": "f", "arguments": ["a": 1.5, "b": [true, nil]]]]
                    ],
                ],
            ],
            "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>",
        ]
        let seed = UInt64.random(in: 0...UInt64.max)
        print("template fuzz seed \(seed)")
        var random = SeededNumbers(seed: seed)
        var limits = ChatTemplate.Limits()
        limits.stepsMax = 200_000
        limits.outputBytesMax = 1 << 20
        var rendered = 0
        var refused = 0
        for round in 0..<1500 {
            var scalars = Array(sources[round % sources.count].unicodeScalars)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                Self.change(&scalars, &random)
            }
            do {
                let source = String(scalars: scalars)
                let text = try ChatTemplate(source, limits: limits).render(context)
                #expect(text.utf8.count <= limits.outputBytesMax)
                rendered += 1
            } catch {
                refused += 1
            }
        }
        print("template fuzz: \(rendered) rendered, \(refused) refused")
    }

    private static func change(_ scalars: inout [Unicode.Scalar], _ random: inout SeededNumbers) {
        let place = Int.random(in: 0...scalars.count, using: &random)
        let length = min(Int.random(in: 0...12, using: &random), scalars.count - place)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: scalars.removeSubrange(place..<(place + length))
        case 1:
            let fragment = fragments.randomElement(using: &random) ?? ""
            scalars.insert(contentsOf: fragment.unicodeScalars, at: place)
        case 2:
            let other = Int.random(in: 0...scalars.count, using: &random)
            scalars.insert(contentsOf: Array(scalars[place..<(place + length)]), at: other)
        default:
            let fragment = fragments.randomElement(using: &random) ?? ""
            scalars.replaceSubrange(place..<(place + length), with: fragment.unicodeScalars)
        }
    }
}
