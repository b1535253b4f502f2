// LoadFailure.swift: why a request under load gave no answer. Reasons are counted, so equal ones are equal.
import Glibc

enum LoadFailure: Error, Sendable, Hashable {
    case unreachable(code: Int32)
    /// The server closed, or the connection broke, before the answer's end.
    case brokenOff
    case timedOut(seconds: Int)
    case malformed(MalformedAnswer)
    case status(Int)
    /// An error in place of the next event of a stream.
    case errorEvent
    /// An answer that ended well without one piece of text.
    case noText
    case connectionsExhausted(limit: Int)
}

/// What was wrong with the bytes of an answer.
enum MalformedAnswer: Sendable, Hashable {
    case statusLine, contentLength, chunkSize, chunkEnd, json
    case lineTooLong(limit: Int), answerTooLong(limit: Int)
    case afterTheEnd
}

extension LoadFailure: CustomStringConvertible {
    var description: String {
        switch self {
        case .unreachable(let code): "cannot connect: \(String(cString: strerror(code)))"
        case .brokenOff: "the server broke off"
        case .timedOut(let seconds): "no end within \(seconds) s"
        case .malformed(let what): "the answer is malformed: \(what)"
        case .status(let status): "status \(status)"
        case .errorEvent: "an error within the stream"
        case .noText: "an answer without text"
        case .connectionsExhausted(let limit): "\(limit) requests were running already"
        }
    }
}

extension MalformedAnswer: CustomStringConvertible {
    var description: String {
        switch self {
        case .statusLine: "no status line of HTTP/1"
        case .contentLength: "Content-Length is no number"
        case .chunkSize: "a chunk's size is no number"
        case .chunkEnd: "a chunk is longer than it says"
        case .json: "an event that is no JSON"
        case .lineTooLong(let limit): "a line of more than \(limit) bytes"
        case .answerTooLong(let limit): "more than \(limit) bytes"
        case .afterTheEnd: "bytes after its end"
        }
    }
}
