// Checkpoint.swift: one opened model, whatever files it lies in.
// It maps and checks; it never converts a tensor and knows no architecture. A value of this type is
// proof that every tensor lies inside its file, alone, with the bytes that its shape needs.

import Glibc
import JSON

public final class Checkpoint: Sendable {
    public enum Container: Sendable, Hashable { case gguf, huggingFace }

    public let path: String
    public let container: Container
    public let tensors: [String: TensorSlice]
    /// Every file that holds tensors, in shard order.
    public let mappings: [Mapping]
    /// GGUF keys of the first shard; empty for a Hugging Face directory.
    public let metadata: [String: GGUFValue]
    /// The names of `metadata` as they follow one another in the file.
    public let metadataOrder: [String]
    /// What the JSON files of a Hugging Face directory say; nil for single files.
    let sideFiles: HuggingFaceSideFiles?

    /// Opens a GGUF file, the first shard of several, a Hugging Face directory, or one bare
    /// .safetensors file, which has tensors and nothing else.
    /// - Cost: reads names and metadata, not tensors.
    /// - Throws: the first fault found, with its file, key or tensor, offset and limit.
    public static func open(_ path: String) throws(CheckpointError) -> Checkpoint {
        // C would take the path to end here, and open another file.
        guard !path.utf8.contains(0) else {
            throw CheckpointError(path: path, fault: .unsafeFileName(path))
        }
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw CheckpointError(path: path, fault: .system(operation: "open", code: errno))
        }
        if status.st_mode & S_IFMT == S_IFDIR { return try Checkpoint(directory: path) }
        if path.hasSuffix(".safetensors") { return try Checkpoint(safetensors: path) }
        return try Checkpoint(gguf: path)
    }

    public func tensor(_ name: String) -> TensorSlice? { tensors[name] }

    /// Bytes of all tensors.
    public var totalBytes: Int { tensors.values.reduce(0) { $0 + $1.bytes.count } }

    /// Throws when a file has been shortened or rewritten since it was opened, or failed to read.
    /// Call it after reading tensors: what a shortened file has lost reads as zeros.
    public func requireUnchanged() throws(CheckpointError) {
        for mapping in mappings { try mapping.requireUnchanged() }
    }

    /// Asks the system to read all tensors ahead; returns at once.
    public func prefetch() {
        for mapping in mappings { mapping.prefetch() }
    }

    private init(gguf path: String) throws(CheckpointError) {
        let files = try GGUFShards.open(path)
        self.path = path
        container = .gguf
        metadata = files[0].metadata
        let keyOffsets = files[0].keyOffsets
        metadataOrder = keyOffsets.keys.sorted { keyOffsets[$0]! < keyOffsets[$1]! }
        mappings = files.map(\.mapping)
        tensors = try Self.merge(files.map(\.tensors))
        sideFiles = nil
    }

    private convenience init(directory path: String) throws(CheckpointError) {
        let sideFiles = try HuggingFaceSideFiles(directory: path)
        let files = try SafetensorsShards.open(directory: path)
        try self.init(path: path, files: files, sideFiles: sideFiles)
    }

    private convenience init(safetensors path: String) throws(CheckpointError) {
        try self.init(path: path, files: [try SafetensorsFile(path: path)], sideFiles: nil)
    }

    private init(
        path: String, files: [SafetensorsFile], sideFiles: HuggingFaceSideFiles?
    ) throws(CheckpointError) {
        self.path = path
        container = .huggingFace
        metadata = [:]
        metadataOrder = []
        mappings = files.map(\.mapping)
        tensors = try Self.merge(files.map(\.tensors))
        self.sideFiles = sideFiles
    }

    /// One table of all shards' tensors; a name in two shards is refused.
    private static func merge(
        _ shards: [[TensorSlice]]
    ) throws(CheckpointError) -> [String: TensorSlice] {
        var tensors: [String: TensorSlice] = [:]
        tensors.reserveCapacity(shards.reduce(0) { $0 + $1.count })
        for shard in shards {
            for tensor in shard where tensors.updateValue(tensor, forKey: tensor.name) != nil {
                throw CheckpointError(
                    path: tensor.owner.path, subject: .tensor(tensor.name),
                    offset: tensor.fileOffset,
                    fault: .duplicate)
            }
        }
        return tensors
    }
}
