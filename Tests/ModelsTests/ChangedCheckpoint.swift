// ChangedCheckpoint.swift: reference checkpoints with other settings, in a folder that is gone afterwards.
import Checkpoints
import Foundation
import JSON
import Material

enum ChangedCheckpoint {
    /// Calls `body` with a checkpoint of this family's weights and a config.json of one's own.
    static func with<Result>(
        _ family: String, configuration: JSONValue, _ body: (Checkpoint) throws -> Result
    ) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "changed-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createSymbolicLink(
            at: folder.appending(path: "model.safetensors"),
            withDestinationURL: Material.cases("oracle/\(family)/model.safetensors"))
        try Data(configuration.serialized()).write(to: folder.appending(path: "config.json"))
        return try body(try Checkpoint.open(folder.path))
    }

    /// The same with some keys of the family's own config.json set, or taken out by null.
    static func with<Result>(
        _ family: String, setting changes: JSONObject, _ body: (Checkpoint) throws -> Result
    ) throws -> Result {
        var configuration = try configuration(of: family).objectValue ?? JSONObject()
        for (key, value) in changes { configuration[key] = value }
        return try with(family, configuration: .object(configuration), body)
    }

    static func configuration(of family: String) throws -> JSONValue {
        try JSONReader.parse(
            Array(try Data(contentsOf: Material.cases("oracle/\(family)/config.json"))))
    }
}
