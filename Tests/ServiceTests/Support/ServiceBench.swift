// ServiceBench.swift: a service over a scripted engine, without its API.
import Engine
import JSON
import Logging
import Scheduling
import ScriptedModel

@testable import Service

struct ServiceBench {
    let engine: ScriptedEngine
    let service: Service
    let model: ServedModel

    init(
        _ engine: ScriptedEngine = ScriptedEngine(), configuration: ServiceConfiguration = ServiceConfiguration()
    ) throws {
        self.engine = engine
        service = Service(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        model = ServedModel(
            id: "tiny", tokenizer: try TestText.tokenizer(), template: try ConversationTemplate(TestText.template),
            engine: engine, createdAt: 0)
        service.add(model)
    }

    var endpoint: Endpoint { service.endpoints.all[0] }

    func admit(prompts: Int = 1, candidates: Int = 1) throws -> Ticket {
        try service.admit(
            to: endpoint, of: model, principal: .anonymous, prompts: prompts, candidates: candidates)
    }

    var metrics: String { String(decoding: service.metricsPage(), as: UTF8.self) }
}
