// Conformance.swift: where the shared cases lie.
import Foundation

enum Conformance {
    static func path(_ name: String) -> String {
        let beside = URL(filePath: #filePath).pathComponents.dropLast(4).joined(separator: "/").dropFirst()
        let root = ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"] ?? "\(beside)/../shared/conformance"
        return "\(root)/\(name)"
    }
}
