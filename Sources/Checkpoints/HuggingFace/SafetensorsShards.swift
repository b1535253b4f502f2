// SafetensorsShards.swift: the weight files of a Hugging Face directory.
// One model.safetensors, or the files that model.safetensors.index.json names. The index may only
// name files that lie in the directory itself, and must tell the truth about each tensor's file.

import Glibc
import JSON

enum SafetensorsShards {
    private static let singleName = "model.safetensors"
    private static let indexName = "model.safetensors.index.json"
    private static let mapKey = "weight_map"

    static func open(directory: String) throws(CheckpointError) -> [SafetensorsFile] {
        let single = directory + "/" + singleName
        if access(single, F_OK) == 0 { return [try SafetensorsFile(path: single)] }
        let indexPath = directory + "/" + indexName
        guard let index = try SideFile.json(at: indexPath) else {
            throw CheckpointError(
                path: directory, fault: .missingFile("\(singleName) or \(indexName)"))
        }
        let fileOfTensor = try weightMap(of: index, path: indexPath)
        var files: [SafetensorsFile] = []
        var tensorsOfFile: [String: Set<String>] = [:]
        for name in Set(fileOfTensor.map(\.file)).sorted() {
            let file = try SafetensorsFile(path: directory + "/" + name)
            tensorsOfFile[name] = Set(file.tensors.map(\.name))
            files.append(file)
        }
        for (tensor, file) in fileOfTensor where tensorsOfFile[file]?.contains(tensor) != true {
            throw CheckpointError(
                path: indexPath, subject: .tensor(tensor), fault: .missingTensor(file: file))
        }
        return files
    }

    private static func weightMap(
        of index: JSONValue, path: String
    ) throws(CheckpointError) -> [(tensor: String, file: String)] {
        guard let map = index[mapKey]?.objectValue, map.count > 0 else {
            throw CheckpointError(
                path: path, subject: .key(mapKey),
                fault: .wrongKind(expected: "an object of file names"))
        }
        var entries: [(tensor: String, file: String)] = []
        var names: Set<String> = []
        for (tensor, value) in map {
            guard let file = value.stringValue else {
                throw CheckpointError(
                    path: path, subject: .tensor(tensor), fault: .wrongKind(expected: "a file name")
                )
            }
            guard isPlainName(file) else {
                throw CheckpointError(
                    path: path, subject: .tensor(tensor), fault: .unsafeFileName(file))
            }
            names.insert(file)
            guard names.count <= CheckpointLimits.shardsMax else {
                let limit = CheckpointLimits.shardsMax
                let fault = CheckpointError.Fault.overLimit(
                    quantity: "shard count", value: UInt64(names.count), limit: limit)
                throw CheckpointError(path: path, subject: .key(mapKey), fault: fault)
            }
            entries.append((tensor, file))
        }
        return entries
    }

    /// Whether `name` stays in its directory: no separator, no NUL, and neither "." nor "..".
    private static func isPlainName(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && name != "." && name != ".."
            && !bytes.contains(UInt8(ascii: "/")) && !bytes.contains(0)
    }
}
