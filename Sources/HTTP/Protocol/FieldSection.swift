// FieldSection.swift: field lines become fields (RFC 9112 section 5), by the same strict rules
// in a header section and in the trailers of a chunked body.

import HTTPTypes

/// Field lines of one section, header or trailer.
struct FieldSection {
    private(set) var fields = HTTPFields()

    /// - line: one field line without its end, free of control bytes, not empty.
    mutating func add(line: ArraySlice<UInt8>) throws(ProtocolError) {
        // RFC 9112 section 5.2: a folded line is refused; joining it hides fields from filters in
        // front of us.
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
