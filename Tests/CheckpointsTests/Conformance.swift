// Conformance.swift: where the shared conformance material lies on this machine.

import Foundation

enum Conformance {
    /// A path under the conformance folder, or nil with a printed reason when it is not there.
    static func path(_ relative: String, file: String = #filePath) -> String? {
        let fallback = URL(filePath: file).appending(path: "../../../../shared/conformance")
            .standardized.path
        let root = ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"] ?? fallback
        let path = root + "/" + relative
        if FileManager.default.fileExists(atPath: path) { return path }
        print("skipped: \(path) is not on this machine")
        return nil
    }
}
