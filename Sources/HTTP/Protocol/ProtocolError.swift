// ProtocolError.swift: every way in which a client can break the protocol or a limit of it.
// Facts only: the number, the place, the limit. The status is the RFC's; the words are for the client.

import HTTPTypes

/// Where in a message a byte stood that may not stand there.
enum MessagePart: String, Sendable, Hashable {
    case requestLine = "request line"
    case fieldLine = "header field"
    case chunkLine = "chunk size line"
    case trailerLine = "trailer field"
}

/// A request that is refused, with its connection, because what follows it can no longer be trusted.
enum ProtocolError: Error, Sendable, Hashable {
    case bareCarriageReturn(MessagePart), bareLineFeed(MessagePart), controlByte(UInt8, MessagePart)
    case leadingLines(limit: Int)
    case requestLineTooLong(limit: Int), requestLineMalformed, methodMalformed
    case targetByte(UInt8), targetFragment, targetForm, asteriskForm, authorityForm
    case versionMalformed, versionUnsupported(major: Int)
    case fieldWithoutColon, fieldNameMalformed, fieldFolded
    case headerTooLarge(limit: Int), headerCount(limit: Int)
    case hostMissing, hostRepeated, hostMalformed
    case contentLengthMalformed, contentLengthRepeated, contentLengthWithTransferEncoding
    case transferEncodingInHTTP10, transferEncodingEmpty, transferEncodingUnsupported
    case chunkedRepeated, chunkedNotLast
    case bodyTooLarge(limit: Int)
    case chunkSizeMalformed, chunkExtensionMalformed, chunkDataUnterminated
    case chunkLineTooLong(limit: Int), chunkExtensionsTooLong(limit: Int)
    case requestIncomplete, headTooSlow(seconds: Double), bodyTooSlow(seconds: Double)
    case tooManyConnections(limit: Int)

    var status: HTTPResponse.Status {
        switch self {
        case .requestLineTooLong: .uriTooLong
        case .headerTooLarge, .headerCount: .requestHeaderFieldsTooLarge
        case .bodyTooLarge: .contentTooLarge
        case .versionUnsupported: .httpVersionNotSupported
        case .transferEncodingUnsupported: .notImplemented
        case .headTooSlow, .bodyTooSlow: .requestTimeout
        case .tooManyConnections: .serviceUnavailable
        default: .badRequest
        }
    }
}

extension ProtocolError: CustomStringConvertible {
    var description: String {
        lineFault ?? headFault ?? bodyFault ?? waitFault
    }

    private var lineFault: String? {
        switch self {
        case .bareCarriageReturn(let part): "a carriage return without a line feed in the \(part.rawValue)"
        case .bareLineFeed(let part): "a line feed without a carriage return in the \(part.rawValue)"
        case .controlByte(let byte, let part): "the byte \(byte) may not stand in the \(part.rawValue)"
        case .leadingLines(let limit): "more than \(limit) empty lines before the request line"
        case .requestLineTooLong(let limit): "the request line is longer than \(limit) bytes"
        case .requestLineMalformed: "the request line is not 'method target version' with single spaces"
        case .methodMalformed: "the method is not a token"
        case .targetByte(let byte): "the byte \(byte) may not stand in the request target"
        case .targetFragment: "the request target holds a fragment"
        case .targetForm: "the request target is neither a path nor an http URL"
        case .asteriskForm: "the target * is for OPTIONS alone"
        case .authorityForm: "CONNECT needs a host and a port"
        case .versionMalformed: "the version is not HTTP/digit.digit"
        case .versionUnsupported(let major): "HTTP/\(major) is not spoken here, HTTP/1.1 is"
        default: nil
        }
    }

    private var headFault: String? {
        switch self {
        case .fieldWithoutColon: "a header field without a colon"
        case .fieldNameMalformed: "a header field's name is not a token directly followed by a colon"
        case .fieldFolded: "a header field is folded over two lines"
        case .headerTooLarge(let limit): "the header fields are longer than \(limit) bytes"
        case .headerCount(let limit): "there are more than \(limit) header fields"
        case .hostMissing: "the Host field is missing"
        case .hostRepeated: "there is more than one Host field"
        case .hostMalformed: "the Host field is not a host with an optional port"
        case .contentLengthMalformed: "Content-Length is not a decimal number"
        case .contentLengthRepeated: "Content-Length is given more than once"
        case .contentLengthWithTransferEncoding: "both Content-Length and Transfer-Encoding are given"
        case .transferEncodingInHTTP10: "Transfer-Encoding is given in an HTTP/1.0 request"
        case .transferEncodingEmpty: "Transfer-Encoding is empty"
        case .transferEncodingUnsupported: "chunked is the only transfer coding spoken here"
        case .chunkedRepeated: "the chunked coding is applied twice"
        case .chunkedNotLast: "the last transfer coding is not chunked"
        default: nil
        }
    }

    private var bodyFault: String? {
        switch self {
        case .bodyTooLarge(let limit): "the body is longer than \(limit) bytes"
        case .chunkSizeMalformed: "a chunk does not begin with a hexadecimal size"
        case .chunkExtensionMalformed: "a chunk extension is malformed"
        case .chunkDataUnterminated: "a chunk's data is not followed by CRLF"
        case .chunkLineTooLong(let limit): "a chunk size line is longer than \(limit) bytes"
        case .chunkExtensionsTooLong(let limit): "the chunk extensions are longer than \(limit) bytes"
        default: nil
        }
    }

    private var waitFault: String {
        switch self {
        case .requestIncomplete: "the connection ended inside a request"
        case .headTooSlow(let seconds): "the header fields took longer than \(seconds) seconds to arrive"
        case .bodyTooSlow(let seconds): "the body took longer than \(seconds) seconds to arrive"
        case .tooManyConnections(let limit): "all \(limit) connections are in use"
        default: "the request is malformed"
        }
    }
}
