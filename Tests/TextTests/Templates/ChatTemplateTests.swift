// ChatTemplateTests.swift: limits, isolation and the corners that the shared cases do not reach.
import JSON
import Testing

@testable import Text

@Suite struct ChatTemplateTests {
    private func render(_ source: String, _ context: JSONObject = [:]) throws -> String {
        try ChatTemplate(source).render(context, now: TemplateConformance.clock)
    }

    @Test(
        arguments: [
            ("{{ '%5.1f|%-4s|%03d|%x|%r' % (1.25, 'a', 7, 255, 'q') }}", "  1.2|a   |007|ff|'q'"),
            (
                "{{ '{:>5}|{:<4}|{:^5}|{:05.1f}|{:,}'.format('a', 'b', 'c', 2.25, 1234567) }}",
                "    a|b   |  c  |002.2|1,234,567"
            ),
            ("{{ '{0[k]} {a.k} {{}} {!r}'.format(d, a=d) }}", nil),
            ("{{ '{0[k]} {a.k} {{}} {0!r:>9}'.format(d, a=d) }}", "v v {} {'k': 'v'}"),
            (
                "{{ 1e16 }} {{ 123456789012345.0 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1e22 }} {{ -0.0 }}",
                "1e+16 123456789012345.0 1e-05 0.0001 1e+22 -0.0"
            ),
            (
                "{{ ['it\\'s', 'a\"b', 'x\\n', '\\u00e9\\u200b'] }}",
                "[\"it's\", 'a\"b', 'x\\n', 'é\\u200b']"
            ),
            ("{{ 'ΑΣ ΑΣΑ'.lower() }} {{ 'straße'.upper() }}", "ας ασα STRASSE"),
            (
                "{% set n = namespace(a=1) %}{% set n.b = n.a + 1 %}{{ n }} {{ n.c is defined }}",
                "<Namespace {'a': 1, 'b': 2}> False"
            ),
            (
                "{% macro m(a, b=a ~ '!') %}{{ a }}{{ b }}{{ varargs }}{{ kwargs }}{% endmacro %}"
                    + "{{ m('x', 'y', 'z', k=1) }}", "xy('z',){'k': 1}"
            ),
            (
                "{% macro list(xs) %}{% for x in xs %}{{ caller(x) }};{% endfor %}{% endmacro %}"
                    + "{% call(x) list([1, 2]) %}<{{ x }}>{% endcall %}", "<1>;<2>;"
            ),
            (
                "{{ (xs | select('odd')) | list }}{% set g = xs | map('string') %}"
                    + "{{ g | join }}{{ g | join }}", "[1, 3]123"
            ),
            ("{{ 'a<b' | e ~ '<' }} {{ ('<b>' | safe) + '<' }}", "a&lt;b&lt; <b>&lt;"),
            ("{{ {1: 'a', true: 'b', 1.0: 'c'} }}", "{1: 'c'}"),
            ("{{ x if false }}|{{ [] | first }}|{{ (1, 2) | last }}", "||2"),
            ("{% for a, (b, c) in [(1, (2, 3))] %}{{ a + b + c }}{% else %}none{% endfor %}", "6"),
            ("{% for x in [] %}{% else %}none{% endfor %}", "none"),
            (
                "{% for x in xs %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% endfor %}",
                "12"
            ),
            (
                "{{ 2 ** 100 }} {{ 7 // -2 }} {{ -7 % 3 }} {{ 5.5 // 2 }} {{ 2 ** -1 }}",
                "1267650600228229401496703205376 -4 2 2.0 0.5"
            ),
            ("{{ 'abc'[1:] }}{{ 'añb'[1] }}{{ 'abc'[-2:] }}{{ 'abc'[::-2] }}", "bcñbcca"),
            (
                "{{ {'b': 1, 'a': [1, {}], 'c': []} | tojson(indent=2) }}",
                "{\n  \"b\": 1,\n  \"a\": [\n    1,\n    {}\n  ],\n  \"c\": []\n}"
            ),
            (
                "{{ 'é\u{7f}\u{1}😀' | tojson }} {{ 'é😀' | tojson(ensure_ascii=true) }}",
                "\"é\u{7f}\\u0001😀\" \"\\u00e9\\ud83d\\ude00\""
            ),
            ("{{ ''.__class__ }}{{ [].append }}|", "|"),
            ("{{ cycler('a', 'b').next() }}{% set j = joiner() %}{{ j() }}x{{ j() }}y", "ax, y"),
        ] as [(String, String?)])
    func `corners of the language`(source: String, expected: String?) throws {
        let context: JSONObject = ["d": ["k": "v"], "xs": [1, 2, 3]]
        if let expected {
            #expect(try render(source, context) == expected)
        } else {
            #expect(throws: TemplateError.self) { try render(source, context) }
        }
    }

    @Test(arguments: [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "stepsMax"
        ),
        ("{{ 'a' * 10 ** 12 }}", "outputBytesMax"), ("{{ [0] * 10 ** 12 }}", "stepsMax"),
        ("{% for i in range(100000) %}{{ 'a' * 1000 }}{% endfor %}", "outputBytesMax"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "depthMax"),
        (
            "{% set ns = namespace(x=[]) %}{% for i in range(9999) %}{% set ns.x = [ns.x] %}"
                + "{% endfor %}", "depthMax"
        ),
        (
            "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
                + "{% endfor %}{{ ns.x }}", "outputBytesMax"
        ),
        (
            "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = [ns.x, ns.x] %}"
                + "{% endfor %}{{ ns.x == (ns.x + []) }}", "stepsMax"
        ),
        ("{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}", "outputBytesMax"),
        (
            "{% set ns = namespace(x=[1]) %}{% for i in range(9999) %}"
                + "{% set ns.x = ns.x | map('string') %}{% endfor %}", "depthMax"
        ),
        ("{{ 10 ** 99 }}", "integerBitsMax"), ("{{ '%999999999d' % 1 }}", "outputBytesMax"),
        ("{{ 'a' | center(10 ** 12) }}", "outputBytesMax"),
        ("{{ ('ab' * 1000000).replace('a', 'b' * 1000000) }}", "outputBytesMax"),
        ("{{ [1] | tojson(indent=10 ** 12) }}", "outputBytesMax"),
    ])
    func `each limit is an error that names it`(source: String, limit: String) throws {
        let template = try ChatTemplate(source)
        let error = #expect(throws: TemplateError.self) { try template.render([:]) }
        guard case .limit(limit, _)? = error?.kind else {
            Issue.record("\(String(describing: error)) is not the limit \(limit)")
            return
        }
    }

    @Test(arguments: ["(", "[", "not ", "-", "{1:", "a[", "a.b if "])
    func `nesting in the source is bounded`(opener: String) {
        let source = "{{ " + String(repeating: opener, count: 50_000)
        #expect(throws: TemplateError.self) { try ChatTemplate(source) }
        let chains = ["+ 1 ", ".a", "[0]", "()", "| e", " is defined", " or 1", " == 1"]
        for chain in chains {
            let source = "{{ 1 " + String(repeating: chain, count: 50_000) + " }}"
            let template = try? ChatTemplate(source)
            if chain != " == 1" { #expect(template == nil, "\(chain)") }
        }
        let blocks = String(repeating: "{% if 1 %}", count: 50_000)
        #expect(throws: TemplateError.limit("nestingMax", 100)) { try ChatTemplate(blocks) }
    }

    @Test func `a template renders at once on many threads`() async throws {
        let template = try ChatTemplate(
            "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
        await withTaskGroup(of: Bool.self) { group in
            for index in 0..<64 {
                group.addTask {
                    let context: JSONObject = [
                        "messages": [["role": "user", "content": .integer(index)]]
                    ]
                    return (try? template.render(context)) == "<user>\(index)"
                }
            }
            for await isRight in group { #expect(isRight) }
        }
    }

    @Test(arguments: [
        ("%Y-%m-%d %H:%M:%S", "2025-07-10 12:00:00"),
        ("%A %a %B %b %-d %e", "Thursday Thu July Jul 10 10"),
        ("%j %y %I %p %w %u %U %W %%", "191 25 12 PM 4 4 27 27 %"),
        ("%D %F %T %R", "07/10/25 2025-07-10 12:00:00 12:00"),
    ])
    func `dates are printed as strftime prints them`(format: String, expected: String) {
        #expect(TemplateConformance.clock.formatted(format) == expected)
    }
}
