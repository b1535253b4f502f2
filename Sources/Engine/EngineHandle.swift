// EngineHandle.swift: the engine as other threads hold it: checks that need no engine thread, the
// mailbox, and the thread's life.
import Core
import Dispatch
import Foundation
import Kernels
import Models
import Scheduling

/// Why an engine cannot be made from a model and settings.
public enum EngineSetupError: Error, Sendable, Equatable {
    case kernelTableUnknown(String)
    case limitTooSmall(name: String, value: Int, least: Int)
}

/// A running engine: one thread, one model, one cache.
public final class EngineHandle: GenerationEngine {
    public let facts: EngineFacts
    private let mailbox: Mailbox
    private let tokensMax: Int
    private let stopped = DispatchGroup()

    /// Starts the engine thread, which owns the model from now on.
    /// The model's own bounds (`rowsMax`, `outputRowsMax`, `contextMax`) narrow the settings.
    public init(model: sending any ForwardPass, settings: EngineSettings) throws(EngineSetupError) {
        let limits = try Self.limits(model, settings)
        let kernels = try Self.statistics(settings.kernelTable)
        let groups = zip(model.cacheGroups, model.pageCounts).map { group, pages in
            PageGroup(retention: PageRetention(group.kind), pageCount: pages)
        }
        let scheduler = Scheduler(limits: limits, groups: groups)
        tokensMax = scheduler.tokensMax
        facts = EngineFacts(
            vocabularySize: model.vocabularySize, contextMax: limits.contextMax,
            pageSize: limits.pageSize, pageCounts: model.pageCounts, waitingMax: limits.waitingMax,
            sequencesMax: limits.sequencesMax, choicesMax: limits.choicesMax)
        mailbox = Mailbox(waitingMax: limits.waitingMax)
        let loop = EngineLoop(
            mailbox: mailbox, model: model, scheduler: scheduler, kernels: kernels)
        start(OwnedByThread(loop: loop))
    }

    deinit { mailbox.close(deadline: .now()) }

    public func submit(
        _ request: GenerationRequest, on queue: DispatchQueue,
        receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) -> Result<RequestID, SubmissionError> {
        if let error = check(request) { return .failure(error) }
        return mailbox.submit(request, on: queue, receive: receive)
    }

    public func cancel(_ request: RequestID, choice: Int?) {
        if let choice, choice < 0 || choice >= facts.choicesMax { return }
        mailbox.cancel(Cancellation(request: request, choice: choice))
    }

    public func load() -> EngineLoad { mailbox.load }

    public func shutDown(drainUntil deadline: DispatchTime) { mailbox.close(deadline: deadline) }

    /// Blocks until the engine thread has ended, which needs `shutDown` first.
    public func waitUntilStopped() { stopped.wait() }

    // MARK: checks

    private func check(_ request: GenerationRequest) -> SubmissionError? {
        let tokens = request.prompt.count
        guard tokens > 0 else { return .promptEmpty }
        // A prompt that is to be continued leaves room for one token at least.
        let limit = facts.contextMax - min(request.stopping.tokensMax, 1)
        guard tokens <= limit else { return .promptTooLong(tokens: tokens, limit: limit) }
        guard tokens <= tokensMax else {
            return .cacheTooSmall(tokensNeeded: tokens, tokensAvailable: tokensMax)
        }
        guard request.choices >= 1, request.choices <= facts.choicesMax else {
            return .choicesTooMany(choices: request.choices, limit: facts.choicesMax)
        }
        for token in request.prompt where token < 0 || Int(token) >= facts.vocabularySize {
            return .tokenOutOfRange(token: token, vocabularySize: facts.vocabularySize)
        }
        return nil
    }

    private static func limits(
        _ model: any ForwardPass, _ settings: EngineSettings
    ) throws(EngineSetupError) -> SchedulerLimits {
        var limits = SchedulerLimits()
        limits.pageSize = model.pageSize
        limits.stepTokensMax = min(settings.stepTokensMax, model.rowsMax)
        limits.chunkTokensMax = min(settings.chunkTokensMax, limits.stepTokensMax)
        limits.mixedPromptTokensMax = settings.mixedPromptTokensMax
        limits.longPromptTokens = settings.longPromptTokens
        limits.outputRowsMax = model.outputRowsMax
        limits.draftRowsMax = min(settings.draftRowsMax, model.outputRowsMax, limits.stepTokensMax)
        limits.sequencesMax = min(
            settings.sequencesMax, model.outputRowsMax, limits.stepTokensMax - 1)
        limits.choicesMax = min(settings.choicesMax, limits.sequencesMax)
        limits.waitingMax = settings.waitingMax
        limits.contextMax = min(settings.contextMax ?? .max, model.contextMax)
        limits.hashKeyLow = .random(in: .min ... .max)
        limits.hashKeyHigh = .random(in: .min ... .max)
        let bounds = [
            ("stepTokensMax", limits.stepTokensMax, 2),
            ("chunkTokensMax", limits.chunkTokensMax, 1),
            ("mixedPromptTokensMax", limits.mixedPromptTokensMax, 1),
            ("longPromptTokens", limits.longPromptTokens, 1), ("draftRowsMax", limits.draftRowsMax, 0),
            ("sequencesMax", limits.sequencesMax, 1), ("choicesMax", limits.choicesMax, 1),
            ("waitingMax", limits.waitingMax, 1), ("contextMax", limits.contextMax, 2),
        ]
        for (name, value, least) in bounds where value < least {
            throw .limitTooSmall(name: name, value: value, least: least)
        }
        return limits
    }

    private static func statistics(
        _ name: String?
    ) throws(EngineSetupError) -> UnsafePointer<statistics_kernels> {
        let table = name.map { kernel_table_named($0) } ?? kernel_table_best()
        guard let statistics = table?.pointee.statistics else {
            throw .kernelTableUnknown(name ?? "best")
        }
        return statistics
    }

    // MARK: the thread

    /// Carries the loop to its thread, where alone it is used from then on.
    private struct OwnedByThread: @unchecked Sendable {
        let loop: EngineLoop
    }

    private func start(_ owned: OwnedByThread) {
        let stopped = stopped
        stopped.enter()
        let thread = Thread {
            owned.loop.run()
            stopped.leave()
        }
        thread.name = "engine"
        thread.stackSize = 8 << 20
        thread.start()
    }
}

extension PageRetention {
    fileprivate init(_ kind: CacheKind) {
        self =
            switch kind {
            case .full: .all
            case .slidingWindow(let window): .window(window)
            }
    }
}
