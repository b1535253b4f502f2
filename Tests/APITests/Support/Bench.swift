// Bench.swift: a service over a scripted engine, with its API, called in process.
import Dispatch
import Engine
import HTTPTypes
import JSON
import Logging
import ScriptedModel
import Service
import Testing

@testable import API

struct Bench {
    let engine: ScriptedEngine
    let service: Service
    let api: API

    init(
        _ engine: ScriptedEngine = ScriptedEngine(), configuration: ServiceConfiguration = ServiceConfiguration(),
        template: String? = TestText.template, defaults: GenerationDefaults = GenerationDefaults(),
        isLoaded: Bool = true, logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    ) throws {
        self.engine = engine
        service = Service(configuration: configuration, logger: logger)
        api = API(service: service)
        guard isLoaded else { return }
        var model = ServedModel(
            id: "tiny", tokenizer: try TestText.tokenizer(),
            template: try template.map { try ConversationTemplate($0) }, engine: engine, createdAt: 1_700_000_000)
        model.aliases = ["small"]
        model.defaults = defaults
        service.add(model)
    }

    /// Sends a request without waiting.
    func begin(_ request: IncomingRequest) -> RecordedExchange {
        let exchange = RecordedExchange()
        exchange.queue.sync { api.handle(request, exchange) }
        return exchange
    }

    func send(_ request: IncomingRequest) throws -> RecordedAnswer {
        try #require(begin(request).answer(), "no answer within ten seconds")
    }

    func get(_ path: String) throws -> RecordedAnswer { try send(IncomingRequest(method: "GET", path: path)) }

    func post(_ path: String, _ body: JSONValue, method: String = "POST") throws -> RecordedAnswer {
        try send(IncomingRequest(method: method, path: path, body: body.serialized()))
    }

    func chat(_ fields: JSONObject = [:], says text: String = "Hi") throws -> RecordedAnswer {
        var body: JSONObject = ["model": "tiny", "messages": [["role": "user", "content": .string(text)]]]
        for (key, value) in fields { body[key] = value }
        return try post("/v1/chat/completions", .object(body))
    }

    func complete(_ fields: JSONObject = [:]) throws -> RecordedAnswer {
        var body: JSONObject = ["model": "tiny", "prompt": "Once", "max_tokens": 64]
        for (key, value) in fields { body[key] = value }
        return try post("/v1/completions", .object(body))
    }
}
