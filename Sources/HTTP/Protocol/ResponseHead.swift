// ResponseHead.swift: writes status lines, fields and chunks. Framing fields are decided here, never by a handler.

import HTTPTypes

/// How the client learns where a response's body ends.
enum ResponseFraming: Sendable, Hashable {
    /// The status has no body at all: 1xx, 204, 304.
    case bodiless
    case length(Int)
    case chunked
    /// HTTP/1.0: the body ends with the connection.
    case untilClose
}

/// What precedes a response's body.
struct ResponseHead {
    let status: HTTPResponse.Status
    let fields: HTTPFields
    let framing: ResponseFraming
    let keepsAlive: Bool
    /// The client speaks HTTP/1.0 and must be told that the connection stays.
    let announcesKeepAlive: Bool

    func append(to bytes: inout [UInt8], date: [UInt8]) {
        bytes.append(contentsOf: "HTTP/1.1 ".utf8)
        Self.append(status.code, radix: 10, to: &bytes)
        bytes.append(ByteClasses.space)
        bytes.append(contentsOf: status.reasonPhrase.utf8)
        bytes.append(contentsOf: "\r\nDate: ".utf8)
        bytes.append(contentsOf: date)
        for field in fields where !Self.isOurs(field.name) {
            bytes.append(contentsOf: "\r\n".utf8)
            bytes.append(contentsOf: field.name.rawName.utf8)
            bytes.append(contentsOf: ": ".utf8)
            field.withUnsafeBytesOfValue { bytes.append(contentsOf: $0) }
        }
        switch framing {
        case .bodiless, .untilClose: break
        case .length(let length):
            bytes.append(contentsOf: "\r\nContent-Length: ".utf8)
            Self.append(length, radix: 10, to: &bytes)
        case .chunked:
            bytes.append(contentsOf: "\r\nTransfer-Encoding: chunked".utf8)
        }
        if !keepsAlive {
            bytes.append(contentsOf: "\r\nConnection: close".utf8)
        } else if announcesKeepAlive {
            bytes.append(contentsOf: "\r\nConnection: keep-alive".utf8)
        }
        bytes.append(contentsOf: "\r\n\r\n".utf8)
    }

    /// Appends `data`, which is not empty, as one chunk.
    static func appendChunk(_ data: [UInt8], to bytes: inout [UInt8]) {
        append(data.count, radix: 16, to: &bytes)
        bytes.append(contentsOf: "\r\n".utf8)
        bytes.append(contentsOf: data)
        bytes.append(contentsOf: "\r\n".utf8)
    }

    static func appendLastChunk(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: "0\r\n\r\n".utf8)
    }

    /// A status whose response never has a body (RFC 9110 section 6.4.1).
    static func isBodiless(_ status: HTTPResponse.Status) -> Bool {
        status.code < 200 || status == .noContent || status == .notModified
    }

    private static func isOurs(_ name: HTTPField.Name) -> Bool {
        name == .contentLength || name == .transferEncoding || name == .connection || name == .date
    }

    private static func append(_ number: Int, radix: Int, to bytes: inout [UInt8]) {
        if number >= radix { append(number / radix, radix: radix, to: &bytes) }
        let digit = UInt8(number % radix)
        bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
    }
}
