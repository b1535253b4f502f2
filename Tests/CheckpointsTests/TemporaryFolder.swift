// TemporaryFolder.swift: a folder of test files that is gone when the test ends.

import Foundation

final class TemporaryFolder {
    let path: String

    init() {
        path = NSTemporaryDirectory() + "checkpoints-" + UUID().uuidString
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ bytes: some Sequence<UInt8>, as name: String) -> String {
        let file = path + "/" + name
        precondition(FileManager.default.createFile(atPath: file, contents: Data(bytes)))
        return file
    }

    func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    func move(_ file: String, to name: String) throws {
        try FileManager.default.moveItem(atPath: file, toPath: path + "/" + name)
    }
}
