// Reply.swift: one request's answer on its way out: common fields, and the record of how it went.
// Every answer passes here, so every answer is counted and logged exactly once.
import Dispatch
import HTTPTypes
import Service

/// Not thread-safe: every call is made on the exchange's queue, hence `@unchecked`.
final class Reply: @unchecked Sendable {
    static let requestIDBytesMax = 128
    private static let knownMethods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

    let id: String
    let queue: DispatchQueue
    var principal = Principal.anonymous
    private let answering: any Answering
    private let service: Service
    private let method: String
    private let route: String
    private let peer: String
    private let isRoutine: Bool
    private let startedAt = Clock.nanoseconds
    private var status = 0
    private(set) var isStreaming = false
    private(set) var isOver = false

    init(to request: IncomingRequest, route: String, isRoutine: Bool, _ answering: any Answering, _ service: Service) {
        id = Self.requestID(request.fields[.requestID]) ?? Identifier.random(bytes: 16)
        queue = answering.queue
        self.answering = answering
        self.service = service
        self.route = route
        self.isRoutine = isRoutine
        method = request.method
        peer = request.peer
    }

    /// Calls `action` on the queue if the caller goes away before the answer's end.
    func onDisconnect(_ action: @escaping @Sendable () -> Void) { answering.onDisconnect(action) }

    func respond(
        _ status: Int, _ fields: [(HTTPField.Name, String)] = [(.contentType, "application/json")],
        body: [UInt8], outcome: RequestRecord.Outcome = .completed, generation: GenerationRecord? = nil
    ) {
        guard !isOver else { return }
        self.status = status
        // First, so that who has the answer finds it counted.
        finish(outcome, generation)
        answering.respond(.init(code: status), httpFields(fields), body: body)
    }

    func refuse(
        _ error: APIError, outcome: RequestRecord.Outcome = .refused, generation: GenerationRecord? = nil
    ) {
        var fields: [(HTTPField.Name, String)] = [(.contentType, "application/json")]
        if let seconds = error.retryAfterSeconds { fields.append((.retryAfter, "\(seconds)")) }
        if !error.allow.isEmpty { fields.append((.allow, error.allow.joined(separator: ", "))) }
        if error.status == 401 { fields.append((.wwwAuthenticate, "Bearer")) }
        respond(error.status, fields, body: error.body, outcome: outcome, generation: generation)
    }

    /// Starts a stream of server-sent events.
    func beginEvents() {
        guard !isOver, !isStreaming else { return }
        isStreaming = true
        status = 200
        answering.beginStream(
            .ok, httpFields([(.contentType, "text/event-stream; charset=utf-8"), (.cacheControl, "no-cache")]))
    }

    func write(_ bytes: [UInt8]) {
        guard !isOver else { return }
        answering.write(bytes)
    }

    func endEvents(outcome: RequestRecord.Outcome, generation: GenerationRecord?) {
        guard !isOver else { return }
        finish(outcome, generation)
        answering.endStream()
    }

    /// The caller is gone; nothing more is written. 499 is what proxies log in this case.
    func abandon(generation: GenerationRecord?) {
        guard !isOver else { return }
        if status == 0 { status = 499 }
        finish(.cancelled, generation)
    }

    /// The method as metrics name it, whatever clients send.
    static func label(of method: String) -> String { knownMethods.contains(method) ? method : "OTHER" }

    private func finish(_ outcome: RequestRecord.Outcome, _ generation: GenerationRecord?) {
        isOver = true
        let seconds = Clock.seconds(from: startedAt, to: Clock.nanoseconds)
        let method = Self.label(of: method)
        service.httpMeter.record(handler: route, method: method, status: status, seconds: seconds)
        var record = RequestRecord(
            id: id, method: method, route: route, status: status, outcome: outcome, peer: peer, seconds: seconds)
        record.principal = principal.name
        record.generation = generation
        service.log(record, isRoutine: isRoutine && status < 500)
    }

    private func httpFields(_ fields: [(HTTPField.Name, String)]) -> HTTPFields {
        var result = HTTPFields()
        for (name, value) in fields { result[name] = value }
        result[.requestID] = id
        return result
    }

    /// The caller's own id, if it can stand in a field and a log line as it is.
    private static func requestID(_ text: String?) -> String? {
        guard let text, (1...requestIDBytesMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") })
        else { return nil }
        return text
    }
}

extension HTTPField.Name {
    static let requestID = HTTPField.Name("X-Request-Id")!
}
