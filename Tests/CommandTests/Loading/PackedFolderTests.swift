// PackedFolderTests.swift: where packed weights are kept, under which names, and what goes first.
import Checkpoints
import Compute
import Core
import Foundation
import Testing

@testable import tokenmill

struct PackedFolderTests {
    private func model(_ folder: String, bytesMax: Int = 1 << 30) -> Settings.Model {
        var model = Settings.Model()
        model.packedFolder = folder
        model.packedBytesMax = bytesMax
        return model
    }

    @Test func `the folder is the settings' own, the user's cache, or none`() {
        let both = ["XDG_CACHE_HOME": "/c", "HOME": "/h"]
        #expect(PackedFolder(model("/a/b"), environment: both)?.path == "/a/b")
        #expect(PackedFolder(model(""), environment: both)?.path == "/c/tokenmill")
        #expect(PackedFolder(model(""), environment: ["XDG_CACHE_HOME": "c", "HOME": "/h"])?.path == "/h/.cache/tokenmill")
        #expect(PackedFolder(model(""), environment: [:]) == nil)
        #expect(PackedFolder(model("off"), environment: both) == nil)
        var reference = model("/a/b")
        reference.compute = .float32
        #expect(PackedFolder(reference, environment: both) == nil)
    }

    /// A store of one table.
    private func filled(_ path: String, floats: Int) throws -> WeightStore {
        let store = WeightStore(path: path)
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: 1), store: store)
        let values = [Float](repeating: 1, count: floats)
        try values.withUnsafeBytes { bytes in
            _ = try backend.makeTable(
                WeightSource(name: "t", format: .f32, rows: 1, cols: floats, bytes: bytes, owner: store))
        }
        return store
    }

    private func withFolder(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "packed-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    @Test func `a model that was written again has another file`() throws {
        let tiny = try TinyModel()
        let folder = try #require(PackedFolder(model("/f")))
        let file = folder.file(of: try Checkpoint.open(tiny.path), name: "a/b model")
        #expect(file.hasPrefix("/f/a_b_model-") && file.hasSuffix(".packed"))
        #expect(folder.file(of: try Checkpoint.open(tiny.path), name: "a/b model") == file)
        try FileManager.default.setAttributes(
            [.modificationDate: Date(timeIntervalSince1970: 9)], ofItemAtPath: tiny.path)
        #expect(folder.file(of: try Checkpoint.open(tiny.path), name: "a/b model") != file)
    }

    @Test func `the file used longest ago makes room, and what is too large is not kept`() throws {
        try withFolder { place in
            let path = place.appending(path: "x/y").path
            let old = path + "/old.packed", new = path + "/new.packed", foreign = path + "/notes.txt"
            let folder = try #require(PackedFolder(model(path, bytesMax: 20_000)))
            let store = try filled(path + "/this.packed", floats: 3000)
            try folder.keep(store)
            #expect(access(path + "/this.packed", R_OK) == 0)
            for (file, seconds) in [(old, 1.0), (new, 2.0), (foreign, 0.5)] {
                try Data(count: 6000).write(to: URL(filePath: file))
                try FileManager.default.setAttributes(
                    [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: file)
            }
            try folder.keep(store)
            #expect(access(old, F_OK) != 0 && access(new, F_OK) == 0 && access(foreign, F_OK) == 0)
            let large = try filled(path + "/large.packed", floats: 6000)
            #expect(throws: PackedFolderError.folderTooSmall(bytes: 24_000, limit: 20_000)) { try folder.keep(large) }
            #expect(access(new, F_OK) == 0)
        }
    }
}
