// Answer.swift: turns what a handler says into one response on the wire, for one request.
// Framing, HEAD, gzip and cross-origin fields are settled here, so that no handler can get them
// wrong.

import Dispatch
import HTTPTypes

/// One response in the making, on its connection's queue.
final class Answer {
    private enum Phase {
        case awaiting
        case streaming(ResponseFraming)
        case ended
        /// The client is gone; everything further is ignored.
        case lost
    }

    private let connection: Connection
    private let method: HTTPRequest.Method
    private let minorVersion: Int
    private let acceptsGzip: Bool
    private let crossOriginFields: HTTPFields
    private let requestKeepsAlive: Bool
    private var phase = Phase.awaiting
    private var disconnectAction: (@Sendable () -> Void)?

    init(to head: RequestHead, on connection: Connection) {
        let context = connection.shard.context
        self.connection = connection
        method = head.method
        minorVersion = head.minorVersion
        acceptsGzip = ContentCoding.acceptsGzip(head.fields)
        crossOriginFields = context.configuration.crossOrigin.responseFields(for: head.fields)
        requestKeepsAlive = head.keepsAlive
    }

    private var isHead: Bool { method == .head }

    /// Answers what is for the protocol itself to answer; false if the handler must.
    func answersItself(_ head: RequestHead) -> Bool {
        let policy = connection.shard.context.configuration.crossOrigin
        if policy.isPreflight(head) {
            guard crossOriginFields.contains(.accessControlAllowOrigin) else {
                refuse(.forbidden, "this origin is not allowed to call the server from a browser")
                return true
            }
            respondItself(.noContent, policy.preflightFields(for: head.fields), refusal: nil)
        } else if head.target == .asterisk {
            respondItself(.noContent, [:], refusal: nil)
        } else if head.method == .connect {
            refuse(.notImplemented, "this server is no proxy: CONNECT is not offered")
        } else {
            return false
        }
        return true
    }

    func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: [UInt8]) {
        guard begins("respond") else { return }
        var fields = fields
        var payload = body
        if ContentCoding.isCompressible(fields), body.count >= ContentCoding.bodyBytesMin {
            // RFC 9110 section 12.5.5: caches must know that the answer depends on what was
            // accepted.
            fields.append(HTTPField(name: .vary, value: "Accept-Encoding"))
            if acceptsGzip, let packed = ContentCoding.gzip(body), packed.count < body.count {
                fields[.contentEncoding] = "gzip"
                payload = packed
            }
        }
        let isBodiless = ResponseHead.isBodiless(status)
        let keepsAlive = requestKeepsAlive && !connection.shard.context.isDraining
        sendHead(
            status, fields, isBodiless ? .bodiless : .length(payload.count), keepsAlive: keepsAlive)
        if !isHead && !isBodiless { connection.send { $0.append(contentsOf: payload) } }
        end(keepsAlive: keepsAlive)
    }

    func beginStream(_ status: HTTPResponse.Status, _ fields: HTTPFields) {
        guard begins("beginStream") else { return }
        precondition(
            !ResponseHead.isBodiless(status), "a \(status.code) response cannot be streamed")
        let framing: ResponseFraming = minorVersion == 0 ? .untilClose : .chunked
        phase = .streaming(framing)
        let keepsAlive =
            framing == .chunked && requestKeepsAlive && !connection.shard.context.isDraining
        sendHead(status, fields, framing, keepsAlive: keepsAlive)
    }

    func write(_ bytes: [UInt8]) {
        guard let framing = streams("write"), !bytes.isEmpty, !isHead else { return }
        guard keepsUp() else { return connection.abort() }
        connection.send { outbound in
            if framing == .chunked {
                ResponseHead.appendChunk(bytes, to: &outbound)
            } else {
                outbound.append(contentsOf: bytes)
            }
        }
    }

    /// Whether the reader has taken enough of what was written before. If not the stream is cut
    /// rather than kept in memory without a bound; a single write may be of any size.
    private func keepsUp() -> Bool {
        let limit = connection.shard.context.limits.outboundBytesMax
        if connection.outboundBytes > limit { connection.flush() }
        return connection.outboundBytes <= limit
    }

    func endStream() {
        guard let framing = streams("endStream") else { return }
        if framing == .chunked && !isHead { connection.send(ResponseHead.appendLastChunk(to:)) }
        end(keepsAlive: framing == .chunked && requestKeepsAlive)
    }

    func onDisconnect(_ action: @escaping @Sendable () -> Void) {
        switch phase {
        case .awaiting, .streaming: disconnectAction = action
        case .lost: connection.shard.queue.async(execute: action)
        case .ended: break
        }
    }

    /// The connection is gone before the end.
    func connectionLost() {
        phase = .lost
        let action = disconnectAction
        disconnectAction = nil
        action?()
    }

    /// The handler let go of its exchange. An answer that never came is our own failure, and the
    /// client hears of it.
    func abandoned() {
        switch phase {
        case .awaiting:
            refuse(.internalServerError, "the request was dropped without an answer")
        case .streaming: connection.abort()
        case .ended, .lost: break
        }
    }

    /// Makes a peer that is gone, and not merely done sending, reveal it with a reset. A further
    /// 100 is harmless to any HTTP/1.1 client (RFC 9110 section 15.2); once a response has begun
    /// its own bytes do the same.
    func probe() {
        guard case .awaiting = phase, minorVersion > 0 else { return }
        connection.send { $0.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8) }
    }

    private func begins(_ call: StaticString) -> Bool {
        switch phase {
        case .awaiting: return true
        case .lost: return false
        case .streaming, .ended: preconditionFailure("\(call) after the response has begun")
        }
    }

    private func streams(_ call: StaticString) -> ResponseFraming? {
        switch phase {
        case .streaming(let framing): return framing
        case .lost: return nil
        case .awaiting, .ended: preconditionFailure("\(call) outside of a stream")
        }
    }

    private func refuse(_ status: HTTPResponse.Status, _ message: String) {
        respondItself(status, [:], refusal: message)
    }

    private func respondItself(
        _ status: HTTPResponse.Status, _ fields: HTTPFields, refusal: String?
    ) {
        let own = connection.shard.context.configuration.ownAnswer(
            .init(status: status, refusal: refusal, method: method, peer: connection.peer))
        var fields = fields
        for field in own.fields { fields.append(field) }
        respond(status, fields, body: own.body)
    }

    private func sendHead(
        _ status: HTTPResponse.Status, _ fields: HTTPFields, _ framing: ResponseFraming,
        keepsAlive: Bool
    ) {
        var fields = fields
        for field in crossOriginFields { fields.append(field) }
        let head = ResponseHead(
            status: status, fields: fields, framing: framing, keepsAlive: keepsAlive,
            announcesKeepAlive: minorVersion == 0)
        connection.shard.withDate { date in
            connection.send { head.append(to: &$0, date: date) }
        }
    }

    private func end(keepsAlive: Bool) {
        phase = .ended
        disconnectAction = nil
        connection.answered(keepsAlive: keepsAlive)
    }
}
