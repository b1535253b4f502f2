// Material.swift: what tests need and a clone does not hold: conformance cases and real models.
// A test that needs some says so in its `enabled` condition, and counts as skipped without it:
//     @Test(.enabled(if: Material.has("oracle"), Material.reason("oracle")))
import Foundation
import Testing

public enum Material {
    private static let package = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func root(_ variable: String, or usual: String) -> URL {
        let stated = ProcessInfo.processInfo.environment[variable].map { URL(filePath: $0) }
        return (stated ?? package.appending(path: usual)).standardizedFileURL
    }

    /// A file or folder of the conformance cases.
    public static func cases(_ name: String) -> URL {
        root("TOKENMILL_CONFORMANCE", or: "../shared/conformance").appending(path: name)
    }

    /// The path of a downloaded model.
    public static func model(_ name: String) -> String {
        root("TOKENMILL_MODELS", or: ".models").appending(path: name).path
    }

    public static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: cases(name).path)
    }

    /// The two real models by file name. A file `NAME.json` of "real" holds a model's reference.
    public static let models = ["SmolLM2-135M-Instruct.Q4_1.gguf", "gemma-3-270m-q4_k_m.gguf"]

    public static var hasModels: Bool {
        models.allSatisfy { FileManager.default.fileExists(atPath: model($0)) }
    }

    /// The reference of a real model.
    public static func reference(of model: String) -> URL {
        cases("real/" + model.dropLast("gguf".count) + "json")
    }

    /// Why a test of these cases is skipped.
    public static func reason(_ name: String) -> Comment {
        "no \(cases(name).path); TOKENMILL_CONFORMANCE names the folder of cases"
    }

    public static let modelsReason: Comment =
        "a model is missing; scripts/fetch-model fetches them, TOKENMILL_MODELS names their folder"
}
