// Answer.swift: one generation request from its prompts to the end of its answer, streamed or whole.
// Its one idea: both ways consume the same pieces, so they carry the same content; only the shape differs.
// Lives on the connection's queue; every way out goes through `close`, which gives the ticket back.
import Core
import Dispatch
import JSON
import Service

/// Not thread-safe: every call is made on the reply's queue, hence `@unchecked`.
final class Answer: @unchecked Sendable {
    struct Request: Sendable {
        let endpoint: Endpoint
        let model: ServedModel
        let fields: GenerationFields
        let sources: [PromptSource]
        /// The field that prompts came in, for messages.
        let promptField: String
        let addsSpecial: Bool
        /// Choices to generate per prompt; the best `fields.choices` of them are returned.
        let candidates: Int
        let shape: any AnswerShape
        let header: AnswerHeader
    }

    private let request: Request
    private let reply: Reply
    private let ticket: Ticket
    private var prompts: [PromptRecord] = []
    private var generations: [Generation] = []
    /// `[prompts * candidates]`
    private var records: [ChoiceRecord] = []
    /// Per prompt: pieces that must wait for the prompt's log-probabilities, which come with choice 0.
    private var held: [[ChoicePiece]] = []
    private var openChoices = 0
    private var isClosed = false
    private let interest = Interest()
    private var writer = JSONWriter(capacity: 1024)

    /// Admits the request and begins to work on it.
    static func start(_ request: Request, _ call: Call) throws(APIError) {
        do throws(AdmissionError) {
            let ticket = try call.service.admit(
                to: request.endpoint, of: request.model, principal: call.principal,
                prompts: request.sources.count, candidates: request.candidates)
            let answer = Answer(request, reply: call.reply, ticket: ticket)
            try answer.prepare(call.service)
        } catch {
            throw APIError(error)
        }
    }

    private init(_ request: Request, reply: Reply, ticket: Ticket) {
        self.request = request
        self.reply = reply
        self.ticket = ticket
        reply.onDisconnect { [weak self] in self?.abandon() }
        ticket.onExpiry { [weak self, queue = reply.queue] expiry in
            queue.async { [weak self] in self?.fail(APIError(expiry), .expired) }
        }
    }

    private func prepare(_ service: Service) throws(AdmissionError) {
        let builder = PromptBuilder(request.model)
        let kept = request.fields.promptTokensKept(context: request.model.contextMax)
        let (sources, addsSpecial) = (request.sources, request.addsSpecial)
        do throws(AdmissionError) {
            try service.prepare(
                sources, for: interest, on: reply.queue,
                work: {
                    Result { () throws(PromptError) in
                        var prompts: [Prompt] = []
                        for source in sources {
                            prompts.append(
                                try builder.prompt(from: source, addsSpecial: addsSpecial, tokensMax: kept))
                        }
                        return prompts
                    }
                },
                reply: { [self] in begin(with: $0) })
        } catch {
            isClosed = true
            ticket.close()
            throw error
        }
    }

    private func begin(with outcome: Result<[Prompt], PromptError>) {
        guard !isClosed else { return }
        do throws(APIError) {
            let prompts: [Prompt]
            do throws(PromptError) {
                prompts = try outcome.get()
            } catch {
                throw APIError(error, field: request.promptField)
            }
            self.prompts = prompts.map { PromptRecord(prompt: $0) }
            held = Array(repeating: [], count: prompts.count)
            openChoices = prompts.count * request.candidates
            records = (0..<openChoices).map { ChoiceRecord(index: $0) }
            let plans = try prompts.map { prompt throws(APIError) in
                try request.fields.plan(
                    for: prompt.tokens, choices: request.candidates, endpoint: request.endpoint,
                    model: request.model)
            }
            for (index, plan) in plans.enumerated() { try start(plan, prompt: index) }
        } catch {
            fail(error, .refused)
        }
    }

    private func start(_ plan: GenerationPlan, prompt: Int) throws(APIError) {
        let generation = Generation(plan, ticket: ticket, queue: reply.queue) { [self] in
            take($0, prompt: prompt)
        }
        do throws(AdmissionError) {
            try generation.start()
        } catch {
            throw APIError(error)
        }
        generations.append(generation)
    }

    private func take(_ piece: ChoicePiece, prompt: Int) {
        guard !isClosed else { return }
        if piece.choice == 0, !piece.promptLogprobs.isEmpty { prompts[prompt].logprobs = piece.promptLogprobs }
        let waits = request.shape.needsPromptLogprobs && piece.choice > 0
        if waits, !records[prompt * request.candidates].hasBegun, request.fields.isStreamed {
            held[prompt].append(piece)
            return
        }
        use(piece, prompt: prompt)
        guard !isClosed, piece.choice == 0, !held[prompt].isEmpty else { return }
        let pieces = held[prompt]
        held[prompt] = []
        for piece in pieces where !isClosed { use(piece, prompt: prompt) }
    }

    private func use(_ piece: ChoicePiece, prompt: Int) {
        let index = prompt * request.candidates + piece.choice
        switch piece.finish {
        case .failed(let words):
            return fail(APIError(500, .server, "The engine failed: \(words)", code: "engine_failed"), .failed)
        case .cancelled:
            let words = "The request was cancelled: the server is shutting down."
            let error = APIError(503, .unavailable, words, code: "shutting_down", retryAfterSeconds: 5)
            return fail(error, .cancelled)
        default: break
        }
        if request.fields.isStreamed {
            reply.beginEvents()
            request.shape.writeChunks(
                piece, of: &records[index], prompt: prompts[prompt], header: request.header
            ) { write in
                emit(write)
            }
        } else {
            let keepsTokens = request.shape.needsTokens || request.candidates > request.fields.choices
            records[index].append(piece, keepsTokens: keepsTokens)
        }
        guard piece.finish != nil else { return }
        openChoices -= 1
        if openChoices == 0 { complete() }
    }

    private func complete() {
        if request.fields.isStreamed {
            if request.fields.includesUsage {
                emit { request.shape.writeUsageChunk(ticket.usage, header: request.header, to: &$0) }
            }
            reply.write(Array("data: [DONE]\n\n".utf8))
            reply.endEvents(outcome: .completed, generation: close())
        } else {
            writer.reset()
            request.shape.writeWhole(
                chosen(), prompts: prompts, usage: ticket.usage, header: request.header, to: &writer)
            reply.respond(200, body: writer.bytes, generation: close())
        }
    }

    /// The choices to return: all, or of each prompt's candidates the likeliest per token.
    private func chosen() -> [ChoiceRecord] {
        let count = request.fields.choices
        guard request.candidates > count else { return records }
        var chosen: [ChoiceRecord] = []
        for start in stride(from: 0, to: records.count, by: request.candidates) {
            // Swift's sort is stable: of equals the first candidate wins.
            let best = records[start..<(start + request.candidates)].sorted { $0.meanLogprob > $1.meanLogprob }
            for record in best.prefix(count) {
                var renumbered = ChoiceRecord(index: chosen.count)
                renumbered.text = record.text
                renumbered.tokens = record.tokens
                renumbered.finish = record.finish
                chosen.append(renumbered)
            }
        }
        return chosen
    }

    /// One server-sent event.
    private func emit(_ write: (inout JSONWriter) -> Void) {
        writer.reset()
        writer.bytes.append(contentsOf: "data: ".utf8)
        write(&writer)
        writer.bytes.append(contentsOf: "\n\n".utf8)
        reply.write(writer.bytes)
    }

    private func fail(_ error: APIError, _ outcome: RequestRecord.Outcome) {
        guard !isClosed else { return }
        let generation = close()
        guard reply.isStreaming else { return reply.refuse(error, outcome: outcome, generation: generation) }
        // The status is out already: an event tells, and the stream ends as clients expect.
        emit { error.write(to: &$0) }
        reply.write(Array("data: [DONE]\n\n".utf8))
        reply.endEvents(outcome: outcome, generation: generation)
    }

    private func abandon() {
        guard !isClosed else { return }
        reply.abandon(generation: close())
    }

    /// Ends all work and lets go of everything.
    private func close() -> GenerationRecord? {
        isClosed = true
        interest.lose()
        for generation in generations { generation.cancel() }
        generations = []
        held = []
        return ticket.close()
    }
}
