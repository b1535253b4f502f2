// Conformance.swift: where the shared reference cases lie; tests skip with a reason when they do not.
import Foundation

enum Conformance {
    private static let packageRoot = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// The folder of that name, or nil with a printed reason.
    static func folder(_ name: String) -> URL? {
        let stated = ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"].map { URL(filePath: $0) }
        let root = stated ?? packageRoot.appending(path: "../shared/conformance")
        let folder = root.appending(path: name)
        guard FileManager.default.fileExists(atPath: folder.path) else {
            print("skipped: no \(folder.path); set TOKENMILL_CONFORMANCE")
            return nil
        }
        return folder
    }

    /// A downloaded model by file name, or nil with a printed reason.
    static func model(_ name: String) -> String? {
        let stated = ProcessInfo.processInfo.environment["TOKENMILL_MODELS"].map { URL(filePath: $0) }
        let root = stated ?? packageRoot.appending(path: ".models")
        let path = root.appending(path: name).path
        guard FileManager.default.fileExists(atPath: path) else {
            print("skipped: no \(path); scripts/test fetches it")
            return nil
        }
        return path
    }
}
