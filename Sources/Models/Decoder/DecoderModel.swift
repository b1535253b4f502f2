// DecoderModel.swift: a decoder on a backend, ready to run steps.
// It loads weights, lays out the cache and turns batches into steps; what a step computes is in DecoderProgram.
import Checkpoints
import Compute
import Core
import Kernels

/// What the caller may choose about a model.
public struct DecoderOptions: Sendable {
    public var compute: ComputeMode = .auto
    /// Workers, the calling thread included.
    public var threads: Int
    /// Kernels by name; nil takes the best.
    public var kernels: KernelTable?
    public var pageSize = 16
    /// nil: what `compute` has for the size of the model's heads.
    public var cacheElement: CacheElement?
    public var cacheBytes = 1 << 30
    /// Tokens whose part of the cache is cleared at load, and not where they are first used.
    public var cacheTokensTouched = 0
    /// nil: what the checkpoint states.
    public var contextMax: Int?
    /// Most rows of a step, and most rows of logits it returns.
    public var rowsMax = 512
    public var outputRowsMax = 64
    /// Sequences that run together; sizes the pools of sliding windows.
    public var sequencesMax = 64
    /// What the process may take in all; nil loads without asking.
    public var memoryBytes: Int?
    /// Where weights are to lie; nil keeps nothing for the next start.
    public var store: WeightStore?

    public init(threads: Int) { self.threads = threads }
}

public final class DecoderModel: ForwardPass {
    public let configuration: DecoderConfiguration
    public let vocabularySize: Int
    public let contextMax: Int
    public let pageSize: Int
    public let cacheGroups: [CacheGroupDescription]
    public let pageCounts: [Int]
    public let rowsMax: Int
    public let outputRowsMax: Int

    private let backend: any Backend
    private let team: WorkerTeam
    private let logits: BufferHandle
    private let stage: StepStage

    /// Loads a checkpoint: reads its configuration, packs its weights and makes its cache.
    /// - progress: called with layers done and layers in all.
    public static func load(
        checkpoint: Checkpoint, options: DecoderOptions, progress: (Int, Int) -> Void = { _, _ in }
    ) throws(ModelError) -> DecoderModel {
        let layout = try DecoderLayout(checkpoint, options)
        if let available = options.memoryBytes, layout.need.total > available {
            throw .memoryTooSmall(bytesNeeded: layout.need.total, bytesAvailable: available)
        }
        let team: WorkerTeam
        do { team = try WorkerTeam(count: options.threads) } catch { throw .workers(error) }
        let backend = CPUBackend(
            mode: options.compute, team: team, kernels: options.kernels ?? .best,
            store: options.store ?? WeightStore())
        return try DecoderModel(layout, checkpoint, options, backend, team, progress)
    }

    private init(
        _ layout: DecoderLayout, _ checkpoint: Checkpoint, _ options: DecoderOptions,
        _ backend: any Backend, _ team: WorkerTeam, _ progress: (Int, Int) -> Void
    ) throws(ModelError) {
        configuration = layout.configuration
        self.backend = backend
        self.team = team
        vocabularySize = configuration.vocabularySize
        contextMax = layout.contextMax
        pageSize = options.pageSize
        rowsMax = options.rowsMax
        outputRowsMax = options.outputRowsMax
        let plan = layout.cache
        cacheGroups = plan.groups
        pageCounts = plan.pageCounts
        stage = StepStage(groups: plan.groups.count)
        var builder = DecoderProgram(
            configuration, backend: backend, cache: plan, rowsMax: rowsMax, outputRowsMax: outputRowsMax)
        do {
            try backend.makeCache(plan.shapes(configuration), pageSize: pageSize, element: layout.element)
            if options.cacheTokensTouched > 0 { backend.touchCache(tokens: options.cacheTokensTouched) }
            logits = try builder.build(from: layout.weights, contextMax: contextMax, progress: progress)
            try backend.compile(builder.operations)
            // Nothing is read from the files from here on: what was read is what they hold.
            try checkpoint.requireUnchanged()
        } catch let error as BackendError {
            throw .backend(error)
        } catch let error as CheckpointError {
            throw .checkpoint(error)
        } catch let error as ModelError {
            throw error
        } catch {
            preconditionFailure("untyped error from loading: \(error)")
        }
    }

    public var weightBytes: Int { backend.weightBytes }
    /// Bytes taken for keys and values; resident only where used.
    public var cacheBytes: Int { backend.cacheBytes }

    public func run(_ batch: BatchInput) -> UnsafeMutableBufferPointer<Float> {
        precondition(batch.tokens.count <= rowsMax, "\(batch.tokens.count) rows, limit \(rowsMax)")
        precondition(batch.outputRows.count <= outputRowsMax, "too many output rows")
        for copy in batch.copies {
            backend.copyPage(group: copy.group, from: Int(copy.source), to: Int(copy.target))
        }
        stage.load(batch)
        stage.withRows(of: batch) { backend.run(&$0) }
        return UnsafeMutableBufferPointer(
            start: backend.contents(of: logits), count: batch.outputRows.count * vocabularySize)
    }

    public var workers: Int { team.count }

    public func spread(_ parts: Int, _ body: (_ part: Int, _ worker: Int) -> Void) { team.forEach(parts, body) }
}
