// API+OwnAnswers.swift: what the HTTP server answers on its own, told, counted and logged like all else:
// a client needs to know one form of error, and an operator one metric and one kind of line.
import HTTP
import HTTPTypes
import Service

extension API {
    /// Fields and body of an answer that no route gives; it counts as path `none`.
    public func ownAnswer(_ answer: ServerConfiguration.OwnAnswer) -> (fields: HTTPFields, body: [UInt8]) {
        let id = Identifier.random(bytes: 16)
        let method = Reply.label(of: answer.method?.rawValue ?? "")
        let status = answer.status.code
        service.httpMeter.record(handler: "none", method: method, status: status, seconds: 0)
        var record = RequestRecord(
            id: id, method: method, route: "none", status: status,
            outcome: answer.refusal == nil ? .completed : .refused, peer: answer.peer, seconds: 0)
        record.reason = answer.refusal
        service.log(record, isRoutine: answer.refusal == nil)
        var fields: HTTPFields = [.requestID: id]
        guard let refusal = answer.refusal else { return (fields, []) }
        fields[.contentType] = "application/json"
        let kind: APIError.Kind = answer.status.kind == .serverError ? .server : .invalidRequest
        return (fields, APIError(status, kind, refusal).body)
    }
}
