// LoadedModel.swift: a model that runs, and what there is to say about it.
import Compute
import Engine
import Service

struct LoadedModel: Sendable {
    let served: ServedModel
    let report: LoadReport
    /// What was left out, in words; for the log.
    let warnings: [String]
    let store: WeightStore
    /// Where the store's weights may be kept for the next start; nil keeps none.
    let packedFolder: PackedFolder?
}

/// What was loaded, and what it took.
struct LoadReport: Sendable {
    let path: String
    let family: String
    /// Elements of all tensors.
    let parameters: Int
    /// Storage formats and how many tensors have each, most frequent first.
    let formats: String
    let weightBytes: Int
    let cacheBytes: Int
    /// Tokens that the cache holds over all sequences.
    let cacheTokens: Int
    let contextMax: Int
    let threads: Int
    let kernels: String
    let seconds: Double
}
