// RequestHead.swift: a request line and its header fields, checked, with what they say about framing.
// Built line by line; the sum of the fields is judged once, at the empty line.
// Everything that two readers could understand differently is refused: that is how requests are smuggled.

import HTTPTypes

/// How a body's end is known (RFC 9112 section 6.3).
enum BodyFraming: Sendable, Hashable {
    case none, length(Int), chunked
}

/// A whole, valid header section.
struct RequestHead: Sendable, Hashable {
    let method: HTTPRequest.Method
    let target: RequestTarget
    let rawTarget: String
    /// 0 for HTTP/1.0; an unknown 1.x is treated as 1.1 (RFC 9110 section 2.5) but reported as it came.
    let minorVersion: Int
    let fields: HTTPFields
    let framing: BodyFraming
    let keepsAlive: Bool
    let expectsContinue: Bool
}

/// Collects the lines of a header section.
struct RequestHeadBuilder {
    private let method: HTTPRequest.Method
    private let target: RequestTarget
    private let rawTarget: String
    private let minorVersion: Int
    private(set) var fields = FieldSection()

    /// - line: the request line without its end, free of control bytes.
    init(requestLine line: ArraySlice<UInt8>) throws(ProtocolError) {
        // RFC 9112 section 3: exactly two single spaces; reading loosely here has been a way around filters.
        let words = line.split(separator: ByteClasses.space, omittingEmptySubsequences: false)
        guard words.count == 3, !words[1].isEmpty, !words[2].isEmpty else { throw .requestLineMalformed }
        guard ByteClasses.isToken(words[0]),
            let method = HTTPRequest.Method(rawValue: String(decoding: words[0], as: UTF8.self))
        else { throw .methodMalformed }
        self.method = method
        minorVersion = try Self.minorVersion(words[2])
        target = try RequestTarget(words[1], method: method.rawValue)
        rawTarget = String(decoding: words[1], as: UTF8.self)
    }

    mutating func add(fieldLine line: ArraySlice<UInt8>) throws(ProtocolError) {
        try fields.add(line: line)
    }

    func finish(bodyBytesMax: Int) throws(ProtocolError) -> RequestHead {
        try checkHost()
        let framing = try framing(bodyBytesMax: bodyBytesMax)
        return RequestHead(
            method: method, target: target, rawTarget: rawTarget, minorVersion: minorVersion,
            fields: fields.fields, framing: framing, keepsAlive: keepsAlive,
            expectsContinue: minorVersion > 0
                && fields.values(.expect).contains { ByteClasses.matches($0, "100-continue") })
    }

    private static func minorVersion(_ bytes: ArraySlice<UInt8>) throws(ProtocolError) -> Int {
        let digits = Array(bytes.dropFirst(5))
        guard bytes.starts(with: "HTTP/".utf8), digits.count == 3, ByteClasses.isDigit(digits[0]),
            digits[1] == UInt8(ascii: "."), ByteClasses.isDigit(digits[2])
        else { throw .versionMalformed }
        let major = Int(digits[0] - UInt8(ascii: "0"))
        guard major == 1 else { throw .versionUnsupported(major: major) }
        return Int(digits[2] - UInt8(ascii: "0"))
    }

    /// RFC 9112 section 3.2: one valid Host field, which HTTP/1.0 may leave out.
    private func checkHost() throws(ProtocolError) {
        let hosts = fields.values(.host)
        guard hosts.count <= 1 else { throw .hostRepeated }
        guard let host = hosts.first else {
            if minorVersion == 0 { return }
            throw .hostMissing
        }
        guard RequestTarget.isAuthority(host[...], portRequired: false) else { throw .hostMalformed }
    }

    private func framing(bodyBytesMax: Int) throws(ProtocolError) -> BodyFraming {
        let lengths = fields.values(.contentLength)
        let codings = fields.values(.transferEncoding)
        guard codings.isEmpty else {
            // RFC 9112 section 6.1 lets a server take Transfer-Encoding alone; both at once is a smuggling attempt.
            guard lengths.isEmpty else { throw .contentLengthWithTransferEncoding }
            guard minorVersion > 0 else { throw .transferEncodingInHTTP10 }
            try checkCodings(codings)
            return .chunked
        }
        guard let length = lengths.first else { return .none }
        // RFC 9110 section 8.6 allows equal repetitions to be merged; refusing them is allowed and simpler to trust.
        guard lengths.count == 1 else { throw .contentLengthRepeated }
        return .length(try Self.contentLength(length, limit: bodyBytesMax))
    }

    private static func contentLength(_ bytes: [UInt8], limit: Int) throws(ProtocolError) -> Int {
        guard !bytes.isEmpty, bytes.allSatisfy(ByteClasses.isDigit) else {
            let elements = bytes.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
            let isList = elements.count > 1 && elements.allSatisfy { element in
                let digits = ByteClasses.trimmed(element)
                return !digits.isEmpty && digits.allSatisfy(ByteClasses.isDigit)
            }
            throw isList ? .contentLengthRepeated : .contentLengthMalformed
        }
        var value = 0
        for digit in bytes {
            let (product, productOverflows) = value.multipliedReportingOverflow(by: 10)
            let (sum, sumOverflows) = product.addingReportingOverflow(Int(digit - UInt8(ascii: "0")))
            guard !productOverflows, !sumOverflows, sum <= limit else { throw .bodyTooLarge(limit: limit) }
            value = sum
        }
        return value
    }

    /// RFC 9112 sections 6.1 and 6.3: the last coding must be chunked, and here it must be the only one.
    private func checkCodings(_ values: [[UInt8]]) throws(ProtocolError) {
        let codings = values.flatMap { ByteClasses.listElements($0[...]) }
        guard let last = codings.last else { throw .transferEncodingEmpty }
        guard ByteClasses.matches(last, "chunked") else { throw .chunkedNotLast }
        let others = codings.dropLast()
        if others.contains(where: { ByteClasses.matches($0, "chunked") }) { throw .chunkedRepeated }
        guard others.isEmpty else { throw .transferEncodingUnsupported }
    }

    /// RFC 9112 section 9.3.
    private var keepsAlive: Bool {
        let options = fields.values(.connection).flatMap { ByteClasses.listElements($0[...]).map(Array.init) }
        if options.contains(where: { ByteClasses.matches($0, "close") }) { return false }
        return minorVersion > 0 || options.contains { ByteClasses.matches($0, "keep-alive") }
    }
}

/// Field lines of one section, header or trailer.
struct FieldSection {
    private(set) var fields = HTTPFields()

    /// - line: one field line without its end, free of control bytes, not empty.
    mutating func add(line: ArraySlice<UInt8>) throws(ProtocolError) {
        // RFC 9112 section 5.2: a folded line is refused; joining it hides fields from filters in front of us.
        if let first = line.first, ByteClasses.isBlank(first) { throw .fieldFolded }
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .fieldWithoutColon }
        // RFC 9112 section 5.1: no whitespace between name and colon.
        guard ByteClasses.isToken(line[..<colon]),
            let name = HTTPField.Name(String(decoding: line[..<colon], as: UTF8.self))
        else { throw .fieldNameMalformed }
        fields.append(HTTPField(name: name, value: ByteClasses.trimmed(line[(colon + 1)...])))
    }

    /// The values of all fields called `name`, in order, as bytes.
    func values(_ name: HTTPField.Name) -> [[UInt8]] {
        fields[fields: name].map { $0.withUnsafeBytesOfValue { Array($0) } }
    }
}

extension HTTPField.Name {
    static let host = HTTPField.Name("Host")!
}
