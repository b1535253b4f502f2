// StatusHandler.swift: what probes, scrapers and people ask: alive, ready, figures, version.
import HTTPTypes
import JSON
import Service

enum StatusHandler {
    /// The process answers.
    static func health(_ call: Call) {
        call.reply.respond(200, body: Array(#"{"status":"ok"}"#.utf8))
    }

    /// New requests would be taken.
    static func ready(_ call: Call) throws(APIError) {
        guard !call.service.isDraining else { throw APIError(AdmissionError.draining(retryAfterSeconds: 5)) }
        guard call.service.isReady else { throw APIError(AdmissionError.loading) }
        call.reply.respond(200, body: Array(#"{"status":"ready"}"#.utf8))
    }

    static func metrics(_ call: Call) {
        call.reply.respond(
            200, [(.contentType, "text/plain; version=0.0.4; charset=utf-8")], body: call.service.metricsPage())
    }

    static func version(_ call: Call) {
        let version: JSONValue = ["version": .string(call.service.configuration.version)]
        call.reply.respond(200, body: version.serialized())
    }
}
