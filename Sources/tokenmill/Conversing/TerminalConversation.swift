// TerminalConversation.swift: messages so far, and one more answer, streamed as it is made.
import Core
import Engine
import JSON
import Service
import Text

struct TerminalConversation {
    private static let temperatureDefault: Float = 0.7

    let model: ServedModel
    private let system: String?
    private var sampling: SamplingParameters
    private let tokensMax: Int
    private var messages: [JSONObject] = []

    init(model: ServedModel, system: String?, sampling: SamplingParameters, tokensMax: Int) {
        self.model = model
        self.system = system
        self.sampling = sampling
        self.tokensMax = tokensMax
        reset()
    }

    /// The model's recommendations, with a temperature that suits conversation.
    static func sampling(of model: ServedModel, temperature: Float?) -> SamplingParameters {
        var sampling = SamplingParameters()
        let defaults = model.defaults
        sampling.temperature = temperature ?? defaults.temperature ?? temperatureDefault
        sampling.topP = defaults.topP ?? sampling.topP
        sampling.topK = defaults.topK ?? sampling.topK
        sampling.minP = defaults.minP ?? sampling.minP
        sampling.repetitionPenalty = defaults.repetitionPenalty ?? sampling.repetitionPenalty
        return sampling
    }

    mutating func reset() { messages = system.map { [Self.message("system", $0)] } ?? [] }

    /// Adds a message and its answer; a message that cannot be answered is forgotten again.
    mutating func answer(
        _ text: String, interrupt: Interrupt, write: (String) -> Void
    ) throws(CommandFailure) {
        messages.append(Self.message("user", text))
        let inbox = UpdateInbox()
        let request: RequestID
        do {
            request = try inbox.submit(try generationRequest(), to: model.engine)
        } catch {
            messages.removeLast()
            return write("(\(error); /reset begins anew)\n")
        }
        interrupt.begin(request)
        let answer = try receive(from: inbox, write: write)
        interrupt.end()
        messages.append(Self.message("assistant", answer))
        write("\n")
        // The next answer draws its own numbers.
        sampling.seed &+= 1
    }

    private func generationRequest() throws -> GenerationRequest {
        let prompt = try PromptBuilder(model).prompt(
            from: .conversation(Conversation(messages: messages)), addsSpecial: false)
        var stopping = StoppingRules(tokensMax: tokensMax)
        stopping.stopTokens = model.tokenizer.endTokens
        return GenerationRequest(prompt: prompt.tokens, sampling: sampling, stopping: stopping)
    }

    private func receive(
        from inbox: UpdateInbox, write: (String) -> Void
    ) throws(CommandFailure) -> String {
        var detokenizer = IncrementalDetokenizer(model.tokenizer, skipSpecial: true)
        var answer = ""
        while true {
            let update = inbox.next()
            var text = ""
            for token in update.tokens { text += detokenizer.append(token.token) }
            if update.finish != nil { text += detokenizer.finish() }
            if !text.isEmpty { write(text) }
            answer += text
            guard let finish = update.finish else { continue }
            if case .failed(let reason) = finish {
                throw CommandFailure("the engine failed: \(reason)", advice: "report this")
            }
            return answer
        }
    }

    private static func message(_ role: String, _ content: String) -> JSONObject {
        ["role": .string(role), "content": .string(content)]
    }
}
