// TemplateConformance.swift: where the shared cases lie, and how one is judged.
import Foundation
import JSON

@testable import Text

enum TemplateConformance {
    static let clock = TemplateClock(year: 2025, month: 7, day: 10, hour: 12)

    /// The folder of the template cases; nil, with a printed reason, when it is absent.
    static func folder() -> URL? {
        let package = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let root =
            ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"]
            .map { URL(fileURLWithPath: $0, relativeTo: package) }
            ?? package.appendingPathComponent("../shared/conformance")
        let folder = root.appendingPathComponent("templates").standardizedFileURL
        guard FileManager.default.fileExists(atPath: folder.path) else {
            print("skipped: no template cases at \(folder.path)")
            return nil
        }
        return folder
    }

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
                if let text, Array(got.utf8) == Array(text.utf8) {
                    passed += 1
                } else {
                    failures.append("\(id)\n  expected \(text ?? "\(error!)")\n  got      \(got)")
                }
            case .error(let kind, let message):
                if let error, error["kind"]?.stringValue == kind {
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

        func report() {
            print(
                "conformance templates/\(name): \(passed) passed, \(failures.count) failed"
                    + " (\(errors) errors by kind, \(sameMessage) with the same words)")
            for failure in failures.prefix(20) { print("FAILED \(failure)") }
        }
    }
}
