// TemplateConformance.swift: where the shared cases lie, and how one is judged.
import Foundation
import JSON
import Material

@testable import Text

enum TemplateConformance {
    static let clock = TemplateClock(year: 2025, month: 7, day: 10, hour: 12)

    static let folder = Material.cases("templates")

    static func lines(_ file: URL) throws -> [JSONValue] {
        try Data(contentsOf: file).split(separator: 0x0A).map {
            try JSONReader.parse(Array($0), limits: .init(allowNaN: true))
        }
    }

    enum Outcome: Equatable {
        case text(String)
        case error(kind: String, message: String)
    }

    static func outcome(
        of source: String, _ context: JSONObject, whitespace: Jinja.Whitespace = .chat
    ) -> Outcome {
        do {
            let template = try ChatTemplate(source, limits: .init(), whitespace: whitespace)
            return .text(try template.render(context, now: clock))
        } catch {
            return .error(kind: name(of: error.kind), message: error.message)
        }
    }

    static func name(of kind: TemplateError.Kind) -> String {
        switch kind {
        case .syntax: "syntax"
        case .runtime: "runtime"
        case .raised: "raise_exception"
        case .limit(let name, _): "limit \(name)"
        }
    }

    /// How many cases passed, and what was wrong with the others.
    struct Tally {
        let name: String
        var passed = 0
        var sameMessage = 0
        var errors = 0
        var failures: [String] = []

        init(_ name: String) { self.name = name }

        mutating func judge(_ id: String, _ outcome: Outcome, text: String?, error: JSONValue?) {
            switch outcome {
            case .text(let got):
                if let text, Self.withoutAddresses(got) == Self.withoutAddresses(text) {
                    passed += 1
                } else {
                    failures.append("\(id)\n  expected \(text ?? "\(error!)")\n  got      \(got)")
                }
            case .error(let kind, let message):
                let isRecursion =
                    error?["class"]?.stringValue == "RecursionError" && kind == "limit depthMax"
                if let error, error["kind"]?.stringValue == kind || isRecursion {
                    passed += 1
                    errors += 1
                    if error["message"]?.stringValue == message {
                        sameMessage += 1
                    } else if ProcessInfo.processInfo.environment["TEMPLATE_MESSAGES"] != nil {
                        print("\(id): \(error["message"]?.stringValue ?? "") / \(message)")
                    }
                } else {
                    failures.append(
                        "\(id)\n  expected \(text ?? "\(error!)")\n  got      \(kind): \(message)")
                }
            }
        }

        /// The bytes, without the memory addresses that Python prints.
        private static func withoutAddresses(_ text: String) -> [UInt8] {
            Array(text.replacing(#/ at 0x[0-9a-f]+>/#, with: " at 0x0>").utf8)
        }

        func report() {
            print(
                "conformance templates/\(name): \(passed) passed, \(failures.count) failed"
                    + " (\(errors) errors by kind, \(sameMessage) with the same words)")
            for failure in failures.prefix(20) { print("FAILED \(failure)") }
        }
    }
}
