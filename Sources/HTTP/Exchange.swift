// Exchange.swift: the handler's end of one request.
// A thin, thread-safe face; everything happens on the connection's queue. Calls from `queue` itself take effect at
// once, those from elsewhere a turn later, each kind in its order: one exchange is best driven from one place.

import Dispatch
import HTTPTypes

/// One request's answer: either `respond`, or `beginStream`, any number of `write`, `endStream`.
///
/// Any thread may call; on `queue` nothing is copied or delayed. Calls in any other order stop the process.
/// After the client is gone all calls are ignored. Letting go of an exchange before the end answers 500, or
/// cuts the stream.
public final class Exchange: Sendable {
    private let answer: QueueBound<Answer>

    init(_ answer: QueueBound<Answer>) {
        self.answer = answer
    }

    deinit {
        // Always a turn later: the last holder may be the queue itself while another thread's answer still waits on it.
        answer.later { $0.abandoned() }
    }

    /// The connection's shard; work for many exchanges of one shard is best done in one block on it.
    public var queue: DispatchQueue { answer.queue }

    /// Sends a whole response, packed with gzip if it is worth it and accepted. A HEAD request gets its fields alone.
    /// - fields: without Content-Length, Transfer-Encoding, Connection and Date, which are the server's.
    public func respond(_ status: HTTPResponse.Status, _ fields: HTTPFields, body: [UInt8]) {
        answer.perform { $0.respond(status, fields, body: body) }
    }

    /// Begins a response of unknown length; to HTTP/1.0 it ends with the connection.
    public func beginStream(_ status: HTTPResponse.Status, _ fields: HTTPFields) {
        answer.perform { $0.beginStream(status, fields) }
    }

    /// Sends one chunk. All chunks of a turn of `queue` leave in one system call.
    /// Cost: one copy. If the client is so slow that `outboundBytesMax` is passed the connection is cut.
    public func write(_ bytes: [UInt8]) {
        if answer.isCurrent {
            answer.confined.write(bytes)
        } else {
            answer.later { $0.write(bytes) }
        }
    }

    public func endStream() {
        answer.perform { $0.endStream() }
    }

    /// Has `action` called once, on `queue`, if the client vanishes or is cut off before the end of the answer.
    public func onDisconnect(_ action: @escaping @Sendable () -> Void) {
        answer.perform { $0.onDisconnect(action) }
    }
}
