// RequestParser.swift: bytes in, requests out (RFC 9112), strictly.
// No I/O and no clock. The answer depends on the bytes alone, never on how they were split into reads:
// each check is made at the byte or line end that decides it, and every limit before the byte is passed.
//
// buffer:  [0 ..... cursor) [cursor ..... cursor + scanned) [ ..... count)
//          used up          looked at, no line end yet       not looked at

import HTTPTypes

/// A whole request: head, body without its framing, and the trailer fields, which nobody may mix into the head.
struct ParsedRequest: Sendable, Hashable {
    let head: RequestHead
    let body: [UInt8]
    let trailers: HTTPFields
}

/// Reads the requests of one connection, one after the other.
struct RequestParser {
    enum Event: Sendable, Hashable {
        case needMore
        case head(RequestHead)
        case request(ParsedRequest)
    }

    private enum State {
        case requestLine
        case headerFields(RequestHeadBuilder)
        case body(remaining: Int)
        case chunkSize
        case chunkData(remaining: Int)
        case trailerFields
        case finished
    }

    private let limits: ServerLimits
    private var state = State.requestLine
    private var buffer: [UInt8] = []
    private var cursor = 0
    private var scanned = 0
    private var leadingLines = 0
    private var sectionBytes = 0
    private var sectionFields = 0
    private var extensionBytes = 0
    private var head: RequestHead?
    private var body: [UInt8] = []
    private var trailers = FieldSection()

    init(limits: ServerLimits) {
        self.limits = limits
    }

    /// Bytes taken in and not yet used.
    var bufferedBytes: Int { buffer.count - cursor }

    /// Whether no byte of a further request has come; true again after each request.
    var isIdle: Bool {
        switch state {
        case .requestLine: bufferedBytes == 0
        case .finished: true
        default: false
        }
    }

    /// Takes in bytes; after the last request of a connection they are ignored (RFC 9112 section 9.6).
    mutating func feed(_ bytes: UnsafeRawBufferPointer) {
        if case .finished = state { return }
        if cursor == buffer.count {
            buffer.removeAll(keepingCapacity: true)
            cursor = 0
        } else if cursor > buffer.count / 2 {
            buffer.removeFirst(cursor)
            cursor = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// The next event. After an error there is none: the connection cannot go on.
    mutating func next() throws(ProtocolError) -> Event {
        while true {
            let event: Event?
            switch state {
            case .requestLine: event = try readRequestLine()
            case .headerFields(let builder): event = try readHeaderFields(builder)
            case .body(let remaining): event = readBody(remaining)
            case .chunkSize: event = try readChunkSize()
            case .chunkData(let remaining): event = try readChunkData(remaining)
            case .trailerFields: event = try readTrailerFields()
            case .finished: event = .needMore
            }
            if let event { return event }
        }
    }

    private mutating func readRequestLine() throws(ProtocolError) -> Event? {
        guard let line = try takeLine(.requestLine, limit: limits.requestLineBytesMax) else { return .needMore }
        guard !line.isEmpty else {
            leadingLines += 1
            guard leadingLines <= limits.leadingLinesMax else { throw .leadingLines(limit: limits.leadingLinesMax) }
            return nil
        }
        let builder = try RequestHeadBuilder(requestLine: buffer[line])
        sectionBytes = 0
        sectionFields = 0
        state = .headerFields(builder)
        return nil
    }

    private mutating func readHeaderFields(_ collected: RequestHeadBuilder) throws(ProtocolError) -> Event? {
        var builder = collected
        while let line = try takeFieldLine(.fieldLine) {
            guard !line.isEmpty else { return try beginBody(builder.finish(bodyBytesMax: limits.bodyBytesMax)) }
            try builder.add(fieldLine: buffer[line])
        }
        state = .headerFields(builder)
        return .needMore
    }

    private mutating func beginBody(_ head: RequestHead) throws(ProtocolError) -> Event {
        self.head = head
        body = []
        trailers = FieldSection()
        extensionBytes = 0
        switch head.framing {
        case .none: state = .body(remaining: 0)
        case .length(let length): state = .body(remaining: length)
        case .chunked: state = .chunkSize
        }
        return .head(head)
    }

    private mutating func readBody(_ remaining: Int) -> Event? {
        let rest = remaining - takeBody(remaining)
        guard rest == 0 else {
            state = .body(remaining: rest)
            return .needMore
        }
        return finishRequest()
    }

    private mutating func readChunkSize() throws(ProtocolError) -> Event? {
        guard let line = try takeLine(.chunkLine, limit: limits.chunkLineBytesMax) else { return .needMore }
        let chunk = try ChunkLine(buffer[line], bytesMax: limits.bodyBytesMax - body.count) {
            .bodyTooLarge(limit: limits.bodyBytesMax)
        }
        extensionBytes += chunk.extensionBytes
        guard extensionBytes <= limits.chunkExtensionBytesMax else {
            throw .chunkExtensionsTooLong(limit: limits.chunkExtensionBytesMax)
        }
        sectionBytes = 0
        sectionFields = 0
        state = chunk.size == 0 ? .trailerFields : .chunkData(remaining: chunk.size)
        return nil
    }

    private mutating func readChunkData(_ remaining: Int) throws(ProtocolError) -> Event? {
        let rest = remaining - takeBody(remaining)
        state = .chunkData(remaining: rest)
        guard rest == 0, cursor < buffer.count else { return .needMore }
        // RFC 9112 section 7.1: the data ends in CRLF, which counts as its own two bytes.
        guard buffer[cursor] == ByteClasses.carriageReturn else { throw .chunkDataUnterminated }
        guard cursor + 1 < buffer.count else { return .needMore }
        guard buffer[cursor + 1] == ByteClasses.lineFeed else { throw .chunkDataUnterminated }
        cursor += 2
        state = .chunkSize
        return nil
    }

    private mutating func readTrailerFields() throws(ProtocolError) -> Event? {
        while let line = try takeFieldLine(.trailerLine) {
            guard !line.isEmpty else { return finishRequest() }
            try trailers.add(line: buffer[line])
        }
        return .needMore
    }

    private mutating func finishRequest() -> Event {
        guard let head else { preconditionFailure("a body without a head") }
        let request = ParsedRequest(head: head, body: body, trailers: trailers.fields)
        self.head = nil
        body = []
        leadingLines = 0
        state = head.keepsAlive ? .requestLine : .finished
        // An idle connection holds no buffer.
        if cursor == buffer.count || !head.keepsAlive {
            buffer = []
            cursor = 0
        }
        return .request(request)
    }
}

// Lines and body bytes.
extension RequestParser {
    /// The next line without its CRLF, or nil if its end has not come. The range holds until the next `feed`.
    private mutating func takeLine(_ part: MessagePart, limit: Int) throws(ProtocolError) -> Range<Int>? {
        var index = cursor + scanned
        while index < buffer.count {
            let byte = buffer[index]
            if byte == ByteClasses.carriageReturn {
                guard index + 1 < buffer.count else { break }
                // RFC 9112 section 2.2: a bare CR is invalid, and not to be waved through as a space.
                guard buffer[index + 1] == ByteClasses.lineFeed else { throw .bareCarriageReturn(part) }
                let line = cursor..<index
                cursor = index + 2
                scanned = 0
                return line
            }
            guard index - cursor < limit else { throw tooLong(part, limit: limit) }
            // RFC 9112 section 2.2 lets us take a bare LF as a line end; peers differ, so nobody may send one.
            if byte == ByteClasses.lineFeed { throw .bareLineFeed(part) }
            if byte < ByteClasses.space && (byte != ByteClasses.tab || part == .requestLine)
                || byte == ByteClasses.delete
            {
                throw .controlByte(byte, part)
            }
            index += 1
        }
        scanned = index - cursor
        return nil
    }

    /// A line of a header or trailer section, counted against that section's limits.
    private mutating func takeFieldLine(_ part: MessagePart) throws(ProtocolError) -> Range<Int>? {
        guard let line = try takeLine(part, limit: limits.headerBytesMax - sectionBytes) else { return nil }
        guard !line.isEmpty else { return line }
        sectionBytes = min(sectionBytes + line.count + 2, limits.headerBytesMax)
        sectionFields += 1
        guard sectionFields <= limits.headerCountMax else { throw .headerCount(limit: limits.headerCountMax) }
        return line
    }

    private func tooLong(_ part: MessagePart, limit: Int) -> ProtocolError {
        switch part {
        case .requestLine: .requestLineTooLong(limit: limit)
        case .chunkLine: .chunkLineTooLong(limit: limit)
        case .fieldLine, .trailerLine: .headerTooLarge(limit: limits.headerBytesMax)
        }
    }

    /// Moves up to `count` bytes into the body; returns how many.
    private mutating func takeBody(_ count: Int) -> Int {
        let taken = min(count, bufferedBytes)
        body.append(contentsOf: buffer[cursor..<(cursor + taken)])
        cursor += taken
        return taken
    }
}
