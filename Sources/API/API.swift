// API.swift: from an HTTP request to the handler that answers it, and nothing else.
// It decides paths, keys, media types and what is logged; the handlers know the rest.
import HTTP
import HTTPTypes
import Service

/// The HTTP face of a service.
public final class API: Sendable {
    let service: Service
    private let router: Router

    public init(service: Service) {
        self.service = service
        router = Router(Self.routes)
    }

    /// Answers one request; called on the exchange's queue.
    public func handle(_ request: Request, _ exchange: Exchange) {
        let incoming = IncomingRequest(
            method: request.head.method.rawValue, path: request.path, query: request.query,
            fields: request.head.headerFields, body: request.body, peer: request.peer)
        handle(incoming, exchange)
    }

    func handle(_ request: IncomingRequest, _ answering: any Answering) {
        let match = router.match(method: request.method, path: request.path)
        let reply = Reply(to: request, route: match.pattern, isRoutine: match.isRoutine, answering, service)
        do throws(APIError) {
            switch match.outcome {
            case .found(let route, let parameter):
                let principal = try authorize(request, route)
                reply.principal = principal
                try Self.checkMediaType(of: request, route)
                let call = Call(
                    request: request, parameter: parameter, principal: principal, reply: reply, service: service)
                try route.handler(call)
            case .preflight(let allow):
                reply.respond(204, [(.allow, allow.joined(separator: ", "))], body: [])
            case .wrongMethod(let allow):
                var error = APIError(
                    405, .invalidRequest, "\(request.method) is not allowed here; allowed: "
                        + allow.joined(separator: ", ") + ".", code: "method_not_allowed")
                error.allow = allow
                throw error
            case .unknown:
                throw APIError(404, .notFound, "There is nothing at '\(request.path.prefix(256))'.", code: "not_found")
            }
        } catch {
            reply.refuse(error)
        }
    }

    private func authorize(_ request: IncomingRequest, _ route: Route) throws(APIError) -> Principal {
        let keys = service.configuration.keys
        guard !keys.isEmpty, route.access != .open else { return .anonymous }
        guard let field = request.fields[.authorization] else {
            throw APIError(
                401, .authentication, "No API key was given; send 'Authorization: Bearer KEY'.",
                code: "missing_api_key")
        }
        let parts = field.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            let principal = keys.principal(showing: String(parts[1].drop(while: { $0 == " " })))
        else {
            throw APIError(401, .authentication, "The API key is not valid.", code: "invalid_api_key")
        }
        guard route.access != .administrators || principal.isAdministrator else {
            throw APIError(403, .permission, "This API key may not manage endpoints.", code: "not_allowed")
        }
        return principal
    }

    /// A body must say JSON, or say nothing.
    private static func checkMediaType(of request: IncomingRequest, _ route: Route) throws(APIError) {
        guard route.takesBody, let type = request.fields[.contentType] else { return }
        let parts = type.split(separator: ";", omittingEmptySubsequences: false).map {
            $0.filter { $0 != " " && $0 != "\t" && $0 != "\"" }.lowercased()
        }
        let isJSON = parts[0] == "application/json"
        let hasOtherCharset = parts.dropFirst().contains { $0.hasPrefix("charset=") && $0 != "charset=utf-8" }
        guard isJSON, !hasOtherCharset else {
            throw APIError(
                415, .invalidRequest, "The content type '\(type.prefix(128))' is not application/json in UTF-8.",
                code: "unsupported_media_type")
        }
    }
}
