// EngineLoop.swift: the step, over and over, on the one thread that owns scheduler and cache.
// It never touches text, sockets or clocks of requests, and never waits for a consumer.
import Core
import Dispatch
import Kernels
import Models
import Scheduling

/// Everything the engine thread owns.
final class EngineLoop {
    let mailbox: Mailbox
    let model: any ForwardPass
    var scheduler: Scheduler
    var sampling: StepSampling
    var plan = StepPlan()
    var results: [StepResult] = []
    var requests: [RequestID: ActiveRequest] = [:]
    /// By scheduler slot.
    var choices: [Choice?] = []
    var outboxes = Outboxes()
    var ended: [RequestID] = []
    /// Requests whose prompt could not be scored in this step, and why.
    var failed: [(ActiveRequest, String)] = []
    var load = EngineLoad()
    private var mail = Mail()
    private var input: BatchInput
    private var governor = PromptGovernor()

    init(
        mailbox: Mailbox, model: any ForwardPass, scheduler: Scheduler,
        kernels: UnsafePointer<statistics_kernels>
    ) {
        self.mailbox = mailbox
        self.model = model
        self.scheduler = scheduler
        sampling = StepSampling(kernels: kernels, model: model)
        input = BatchInput(groups: model.cacheGroups.count)
    }

    /// Runs until the mailbox is closed and nothing is left to do.
    func run() {
        while true {
            mailbox.collect(into: &mail, mayWait: scheduler.isIdle)
            accept()
            if !scheduler.isIdle { step() }
            // Before the news, so that who reads of an end finds it counted.
            report()
            outboxes.send()
            if mail.isClosed && scheduler.isIdle { return }
        }
    }

    private func step() {
        let begin = DispatchTime.now().uptimeNanoseconds
        scheduler.plan(
            into: &plan, longPromptTokensMax: { [governor] in governor.promptTokensMax(streams: $0) },
            draft: { self.draft($0, after: $1, most: $2) })
        for exhaustion in plan.exhausted { endExhausted(exhaustion) }
        if !plan.spans.isEmpty {
            noteStarts(at: begin)
            input.load(plan, from: scheduler, pageSize: model.pageSize)
            let modelBegin = DispatchTime.now().uptimeNanoseconds
            let logits = model.run(input)
            load.modelSecondsTotal += Double(DispatchTime.now().uptimeNanoseconds - modelBegin) * 1e-9
            sample(UnsafeBufferPointer(logits))
            settle()
            scheduler.commit(plan, results)
            endFailed()
        }
        count(seconds: Double(DispatchTime.now().uptimeNanoseconds - begin) * 1e-9)
    }

    // MARK: mail

    private func accept() {
        for submission in mail.submissions { begin(submission) }
        for cancellation in mail.cancellations { cancel(cancellation) }
        // Read mail would keep its senders' closures alive until the next.
        mail.submissions.removeAll(keepingCapacity: true)
        mail.cancellations.removeAll(keepingCapacity: true)
        if let deadline = mail.deadline, DispatchTime.now() >= deadline {
            for request in requests.values {
                cancel(Cancellation(request: request.id, choice: nil))
            }
        }
    }

    private func begin(_ submission: Submission) {
        let request = ActiveRequest(submission, outbox: outboxes.open(submission.queue))
        var wanted = SequenceRequest(prompt: request.prompt)
        wanted.choices = submission.request.choices
        wanted.priority = submission.request.priority
        wanted.fairnessKey = submission.request.fairnessKey
        wanted.salt = submission.request.cacheSalt
        wanted.scoresPrompt = request.sampling.promptLogprobs != nil
        requests[request.id] = request
        request.liveChoices = wanted.choices
        do {
            for (number, handle) in try scheduler.submit(wanted).enumerated() {
                let choice = Choice(request, number: number, sequence: handle, contextMax: scheduler.limits.contextMax)
                request.choices.append(choice)
                while choices.count <= handle.slot { choices.append(nil) }
                choices[handle.slot] = choice
            }
        } catch {
            // `submit` checked the same facts on the caller's thread.
            for number in 0..<wanted.choices {
                finish(request, number, .failed("the scheduler refused the request: \(error)"))
            }
        }
    }

    private func cancel(_ cancellation: Cancellation) {
        guard let request = requests[cancellation.request] else { return }
        for choice in request.choices where cancellation.choice ?? choice.number == choice.number {
            end(choice, .cancelled)
        }
    }

    // MARK: news

    private func noteStarts(at now: UInt64) {
        for span in plan.spans {
            guard let request = choices[span.sequence.slot]?.request, request.scheduledAt == 0
            else {
                continue
            }
            request.scheduledAt = now
            load.promptTokens += UInt64(request.prompt.count)
        }
    }

    private func count(seconds: Double) {
        let tokens = plan.spans.reduce(0) { $0 + $1.end - $1.begin }
        governor.learn(
            streams: plan.streamTokens, promptTokens: tokens - plan.streamTokens,
            longTokens: plan.longPromptTokens, seconds: seconds)
        load.steps += 1
        load.stepSecondsTotal += seconds
        load.stepTokensTotal += UInt64(tokens)
        let bounds = EngineLoad.tokensPerStepBounds
        load.tokensPerStepCounts[bounds.firstIndex { tokens <= $0 } ?? bounds.count] += 1
    }

    private func report() {
        load.running = scheduler.runningCount
        load.waiting = scheduler.waitingCount
        load.preemptions = scheduler.preemptions
        load.prefixQueryTokens = scheduler.prefixQueryTokens
        load.prefixHitTokens = scheduler.prefixHitTokens
        load.cacheUsage = 0
        for group in scheduler.groups.indices {
            let used = Double(scheduler.pageUse(group: group).used)
            load.cacheUsage = max(load.cacheUsage, used / Double(scheduler.groups[group].pageCount))
        }
        mailbox.report(load: load, waiting: scheduler.freshCount, ended: ended)
        ended.removeAll(keepingCapacity: true)
    }
}
