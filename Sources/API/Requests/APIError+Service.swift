// APIError+Service.swift: the service's facts as statuses and words; every case has its answer here.
import Core
import JSON
import Service

extension APIError {
    init(_ error: AdmissionError) {
        switch error {
        case .modelUnknown(let name):
            self.init(
                404, .notFound, "The model '\(name)' does not exist.", param: "model", code: "model_not_found")
        case .loading:
            self.init(
                503, .unavailable, "The model is still being loaded.", code: "model_loading", retryAfterSeconds: 2)
        case .notAllowed(let endpoint):
            self.init(
                403, .permission, "This API key may not use '\(endpoint)'.", param: "model",
                code: "endpoint_not_allowed")
        case .draining(let seconds):
            self.init(
                503, .unavailable, "The server is shutting down.", code: "shutting_down",
                retryAfterSeconds: seconds)
        case .concurrencyFull(let admitted, let limit, let seconds):
            self = .busy("\(admitted) requests are in progress; the limit is \(limit).", seconds)
        case .queueFull(let waiting, let limit, let seconds):
            self = .busy("\(waiting) requests are waiting; the limit is \(limit).", seconds)
        case .workersFull(let waiting, let limit, let seconds):
            self = .busy("\(waiting) long prompts are waiting; the limit is \(limit).", seconds)
        case .promptEmpty:
            self = .invalid(nil, "The prompt has no tokens; at least 1 is needed.", code: "prompt_empty")
        case .promptTooLong(let tokens, let limit):
            self = .invalid(
                nil, "The prompt has \(tokens) tokens; the limit is \(limit).", code: "context_length_exceeded")
        case .cacheTooSmall(let needed, let available):
            self = .invalid(
                nil, "The prompt needs cache for \(needed) tokens; this server has \(available).",
                code: "context_length_exceeded")
        case .choicesTooMany(let prompts, let candidates, let limit):
            let field = prompts > 1 ? "prompt" : "n"
            self = .invalid(
                field, "Invalid value for '\(field)': the request asks for \(prompts * candidates) choices "
                    + "(\(prompts) prompts, \(candidates) for each); the limit is \(limit).")
        case .tokenOutOfRange(let token, let size):
            self = .tokenOutOfRange("prompt", token: token, vocabularySize: size)
        }
    }

    init(_ error: PromptError, field: String) {
        switch error {
        case .noTemplate(let model):
            self = .invalid(
                "chat_template", "The model '\(model)' has no chat template; 'chat_template' must bring one.")
        case .template(let words, let isRequests):
            self = .invalid(isRequests ? "chat_template" : field, "The chat template failed: \(words)")
        case .finalMessageNotFound:
            self = .invalid(
                "continue_final_message",
                "The last message cannot be continued: the chat template does not show its text.")
        case .tokenOutOfRange(let token, let size):
            self = .tokenOutOfRange(field, token: token, vocabularySize: size)
        }
    }

    init(_ expiry: Expiry) {
        let message =
            switch expiry {
            case .waiting(let seconds): "No token could be computed within the limit of \(seconds) seconds."
            case .running(let seconds): "The answer was not complete within the limit of \(seconds) seconds."
            }
        self.init(503, .unavailable, message, code: "deadline_exceeded", retryAfterSeconds: 5)
    }

    init(_ error: EndpointError) {
        switch error {
        case .nameTaken(let name):
            self.init(
                409, .invalidRequest, "An endpoint named '\(name)' exists already.", param: "name",
                code: "endpoint_exists")
        case .nameInvalid(let name):
            self = .invalid(
                "name", "Invalid value for 'name': '\(name.prefix(64))' must have 1 to "
                    + "\(EndpointRegistry.nameBytesMax) bytes, without white space.")
        case .modelUnknown(let name):
            self = .invalid("model", "The model '\(name)' does not exist.", code: "model_not_found")
        case .unknown(let id):
            self.init(
                404, .notFound, "The endpoint '\(id.prefix(128))' does not exist.", code: "endpoint_not_found")
        case .tooMany(let limit):
            self = .invalid(nil, "There are already \(limit) endpoints, which is the limit.", code: "limit_reached")
        case .limits(let words): self = .invalid("limits", "Invalid value for 'limits': \(words).")
        case .scaling(let error): self = .invalid("scaling", "Invalid value for 'scaling': \(error).")
        }
    }

    static func promptTooLong(tokens: Int, limit: Int, context: Int) -> APIError {
        .invalid(
            nil, "The prompt has \(tokens) tokens; a prompt may have at most \(limit), for the context has "
                + "\(context).", code: "context_length_exceeded")
    }

    static func promptTooLong(tokens: Int, endpoint: String, limit: Int) -> APIError {
        .invalid(
            nil, "The prompt has \(tokens) tokens; the limit 'prompt_tokens_max' of the endpoint "
                + "'\(endpoint)' is \(limit).", code: "context_length_exceeded")
    }

    static func tokenOutOfRange(_ field: String, token: TokenID, vocabularySize: Int) -> APIError {
        .outOfRange(field, "token id \(token)", limit: "between 0 and \(vocabularySize - 1)")
    }

    private static func busy(_ message: String, _ seconds: Int) -> APIError {
        APIError(429, .rateLimit, message, code: "queue_full", retryAfterSeconds: seconds)
    }
}
