// ModelLoader.swift: from a path and settings to a model that answers: file, text, weights, engine.
// The one place that knows all of these; nothing here runs per request.
import Checkpoints
import Compute
import Core
import Dispatch
import Engine
import Foundation
import Models
import Service
import Text

struct ModelLoader {
    /// The part of available memory that the cache may take when settings do not say.
    private static let cacheShare = 4
    /// Rows of logits of a step, even with few sequences: prompts that are scored need them.
    private static let outputRowsLeast = 64

    let settings: Settings
    /// See `DecoderOptions`.
    var cacheTokensTouched = 0

    /// - progress: called with layers done and layers in all.
    func load(
        progress: (Int, Int) -> Void = { _, _ in }
    ) throws(CommandFailure) -> LoadedModel {
        let start = DispatchTime.now().uptimeNanoseconds
        let checkpoint = try open()
        // A vocabulary takes one thread about as long as the weights take all.
        let text = Background { TextLoader.text(of: checkpoint) }
        let kernels = try kernelTable()
        var options = try self.options(for: checkpoint, kernels: kernels)
        let folder = PackedFolder(settings.model)
        let store = WeightStore(path: folder?.file(of: checkpoint, name: name))
        options.store = store
        // Made here and handed over whole: the engine's thread is its only user from then on.
        nonisolated(unsafe) let decoder = try decoder(checkpoint, options, progress)
        let spoken = try text.value().get()
        let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
        let report = LoadReport(checkpoint, decoder, options, seconds: seconds)
        var served = ServedModel(
            id: name, tokenizer: spoken.tokenizer, template: spoken.template, engine: try engine(decoder),
            createdAt: Int(Date().timeIntervalSince1970))
        served.defaults = spoken.defaults
        return LoadedModel(
            served: served, report: report, warnings: spoken.warnings + Self.warnings(of: store),
            store: store, packedFolder: folder)
    }

    /// Another version's weights are no surprise.
    private static func warnings(of store: WeightStore) -> [String] {
        guard let refusal = store.refusal, refusal != .otherVersion else { return [] }
        return ["packed weights that were kept are not used: \(refusal)"]
    }

    /// The model's name: the settings', or the file's without suffix and shard number.
    var name: String {
        guard settings.model.name.isEmpty else { return settings.model.name }
        var name = URL(fileURLWithPath: settings.model.path).lastPathComponent
        if name.hasSuffix(".gguf") { name.removeLast(5) }
        if let shard = name.range(of: #"-\d{5}-of-\d{5}$"#, options: .regularExpression) {
            name.removeSubrange(shard)
        }
        return name
    }

    private func open() throws(CommandFailure) -> Checkpoint {
        do throws(CheckpointError) {
            return try Checkpoint.open(settings.model.path)
        } catch {
            throw CommandFailure(error)
        }
    }

    private func kernelTable() throws(CommandFailure) -> KernelTable {
        guard !settings.model.kernels.isEmpty else { return .best }
        guard let table = KernelTable.named(settings.model.kernels) else {
            let names = KernelTable.supported.map(\.name).joined(separator: ", ")
            throw CommandFailure(
                "this machine has no kernels named '\(settings.model.kernels)'",
                advice: "choose one of \(names), or none for the best")
        }
        return table
    }

    private func options(
        for checkpoint: Checkpoint, kernels: KernelTable
    ) throws(CommandFailure) -> DecoderOptions {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let threads = settings.model.threads == 0 ? cores : settings.model.threads
        var options = DecoderOptions(threads: min(threads, WorkerTeam.countMax))
        options.compute = settings.model.compute
        options.kernels = kernels
        options.pageSize = settings.engine.pageTokens
        options.cacheElement = settings.engine.cacheElement.element
        options.memoryBytes = MachineMemory.availableBytes
        options.cacheBytes = try cacheBytes(
            weights: try weightBytes(of: checkpoint), available: options.memoryBytes)
        options.cacheTokensTouched = cacheTokensTouched
        options.contextMax = settings.engine.limits.contextMax
        options.rowsMax = settings.engine.limits.stepTokensMax
        options.sequencesMax = settings.engine.limits.sequencesMax
        options.outputRowsMax = max(Self.outputRowsLeast, settings.engine.limits.sequencesMax)
        return options
    }

    private func weightBytes(of checkpoint: Checkpoint) throws(CommandFailure) -> Int {
        do throws(ModelError) {
            return try DecoderModel.weightBytes(of: checkpoint, compute: settings.model.compute)
        } catch {
            throw CommandFailure(error, path: checkpoint.path)
        }
    }

    /// What settings ask for, which may not be more than there is, or a share of what the weights leave.
    /// Whether it can be had beside all else is checked when the model is loaded.
    private func cacheBytes(weights: Int, available: Int?) throws(CommandFailure) -> Int {
        let asked = settings.engine.cacheBytes
        guard asked > 0 else { return available.map { max(0, $0 - weights) / Self.cacheShare } ?? 1 << 30 }
        guard let available, asked > available else { return asked }
        throw CommandFailure(
            "engine.cache_bytes is \(ByteSize.about(asked)), and this machine has "
                + "\(ByteSize.about(available)) available",
            advice: "lower it, or leave it at 0")
    }

    private func decoder(
        _ checkpoint: Checkpoint, _ options: DecoderOptions, _ progress: (Int, Int) -> Void
    ) throws(CommandFailure) -> DecoderModel {
        do throws(ModelError) {
            return try DecoderModel.load(
                checkpoint: checkpoint, options: options, progress: progress)
        } catch {
            throw CommandFailure(error, path: checkpoint.path)
        }
    }

    /// The engine thread owns the decoder from here on.
    private func engine(
        _ decoder: sending DecoderModel
    ) throws(CommandFailure) -> EngineHandle {
        var limits = settings.engine.limits
        limits.kernelTable = settings.model.kernels.isEmpty ? nil : settings.model.kernels
        do throws(EngineSetupError) {
            return try EngineHandle(model: decoder, settings: limits)
        } catch {
            throw CommandFailure("the engine cannot start: \(error)", advice: "check engine.*")
        }
    }
}

extension LoadReport {
    fileprivate init(
        _ checkpoint: Checkpoint, _ decoder: DecoderModel, _ options: DecoderOptions, seconds: Double
    ) {
        self.init(
            path: checkpoint.path, family: decoder.configuration.family.name,
            parameters: checkpoint.tensors.values.reduce(0) { $0 + $1.elementCount },
            formats: Self.formats(of: checkpoint), weightBytes: decoder.weightBytes, cacheBytes: decoder.cacheBytes,
            cacheTokens: (decoder.pageCounts.max() ?? 0) * decoder.pageSize, contextMax: decoder.contextMax,
            threads: options.threads, kernels: (options.kernels ?? .best).name, seconds: seconds)
    }

    /// Storage formats and how many tensors have each, most frequent first.
    static func formats(of checkpoint: Checkpoint) -> String {
        var counts: [ElementFormat: Int] = [:]
        for tensor in checkpoint.tensors.values { counts[tensor.format, default: 0] += 1 }
        return counts.sorted { ($1.value, "\($0.key)") < ($0.value, "\($1.key)") }
            .map { "\($0.key) x\($0.value)" }.joined(separator: ", ")
    }
}
