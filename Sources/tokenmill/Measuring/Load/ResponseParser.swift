// ResponseParser.swift: the bytes of one answer (RFC 9112), as a client reads them: status and body.
// No I/O: any split of the bytes gives the same. Fields are read only as far as they frame the body.

struct ResponseParser {
    private enum State {
        case statusLine, fields
        case body(remaining: Int), bodyUntilClose
        case chunkSize, chunkData(remaining: Int), chunkEnd, trailers
        case complete
    }

    private var state = State.statusLine
    private var line: [UInt8] = []
    private var contentLength: Int?
    private var isChunked = false

    private(set) var status = 0
    /// Whether the connection may carry another request after this answer.
    private(set) var keepsAlive = true

    var isComplete: Bool {
        if case .complete = state { return true }
        return false
    }

    /// Reads on. Appends what belongs to the body.
    mutating func read(_ bytes: ArraySlice<UInt8>, into body: inout [UInt8]) throws(LoadFailure) {
        var rest = bytes
        while !rest.isEmpty {
            switch state {
            case .complete: throw .malformed(.afterTheEnd)
            case .bodyUntilClose:
                body += rest
                return
            case .body(let remaining):
                let left = take(remaining, from: &rest, into: &body)
                state = left == 0 ? .complete : .body(remaining: left)
            case .chunkData(let remaining):
                let left = take(remaining, from: &rest, into: &body)
                state = left == 0 ? .chunkEnd : .chunkData(remaining: left)
            default:
                guard let text = try takeLine(from: &rest) else { return }
                try read(line: text)
            }
        }
    }

    /// The server has closed. False if something is missing.
    mutating func close() -> Bool {
        keepsAlive = false
        if case .bodyUntilClose = state { state = .complete }
        return isComplete
    }

    private func take(
        _ count: Int, from rest: inout ArraySlice<UInt8>, into body: inout [UInt8]
    ) -> Int {
        let part = rest.prefix(count)
        body += part
        rest = rest.dropFirst(part.count)
        return count - part.count
    }

    /// The next line without its end, or `nil` while it is incomplete.
    private mutating func takeLine(
        from rest: inout ArraySlice<UInt8>
    ) throws(LoadFailure) -> String? {
        let end = rest.firstIndex(of: UInt8(ascii: "\n"))
        line += rest[..<(end ?? rest.endIndex)]
        rest = end.map { rest[($0 + 1)...] } ?? []
        guard line.count <= LoadLimits.lineBytesMax else {
            throw .malformed(.lineTooLong(limit: LoadLimits.lineBytesMax))
        }
        guard end != nil else { return nil }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        return String(decoding: line, as: UTF8.self)
    }

    private mutating func read(line: String) throws(LoadFailure) {
        switch state {
        case .statusLine:
            try readStatus(line)
            state = .fields
        case .fields:
            if line.isEmpty { endHead() } else { try readField(line) }
        case .chunkSize:
            let digits = line.prefix { $0 != ";" && $0 != " " }
            guard let size = Int(digits, radix: 16), size >= 0 else { throw .malformed(.chunkSize) }
            state = size == 0 ? .trailers : .chunkData(remaining: size)
        case .chunkEnd:
            guard line.isEmpty else { throw .malformed(.chunkEnd) }
            state = .chunkSize
        default:
            if line.isEmpty { state = .complete }
        }
    }

    private mutating func readStatus(_ line: String) throws(LoadFailure) {
        let parts = line.split(separator: " ", maxSplits: 2)
        guard line.hasPrefix("HTTP/1."), parts.count >= 2, let number = Int(parts[1]),
            (100...999).contains(number)
        else {
            throw .malformed(.statusLine)
        }
        status = number
        keepsAlive = parts[0] != "HTTP/1.0"
    }

    private mutating func readField(_ line: String) throws(LoadFailure) {
        let parts = line.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return }
        let value = parts[1].drop { $0 == " " || $0 == "\t" }.lowercased()
        switch parts[0].lowercased() {
        case "content-length":
            guard let length = Int(value), length >= 0 else { throw .malformed(.contentLength) }
            contentLength = length
        case "transfer-encoding": isChunked = value.hasSuffix("chunked")
        case "connection":
            if value.contains("close") { keepsAlive = false }
            if value.contains("keep-alive") { keepsAlive = true }
        default: break
        }
    }

    private mutating func endHead() {
        // RFC 9110 section 15.2: interim answers come before the one that counts.
        if status < 200 {
            state = .statusLine
        } else if status == 204 || status == 304 || (!isChunked && contentLength == 0) {
            state = .complete
        } else if isChunked {
            state = .chunkSize
        } else if let contentLength {
            state = .body(remaining: contentLength)
        } else {
            keepsAlive = false
            state = .bodyUntilClose
        }
    }
}
