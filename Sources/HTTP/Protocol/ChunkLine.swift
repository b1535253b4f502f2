// ChunkLine.swift: the line before a chunk's data: its size in hexadecimal and extensions nobody uses.
// Extensions are read by the grammar and dropped; skipping them unread is how "2 CRLF" hides inside one.

/// `chunk-size [ chunk-ext ]` of RFC 9112 section 7.1.
struct ChunkLine {
    let size: Int
    let extensionBytes: Int

    /// - line: without its end. bytesMax: what the body may still grow by; more is the error that `tooLarge` makes.
    init(_ line: ArraySlice<UInt8>, bytesMax: Int, tooLarge: () -> ProtocolError) throws(ProtocolError) {
        var value = 0
        var index = line.startIndex
        while index < line.endIndex, let digit = ByteClasses.hexValue(line[index]) {
            // bytesMax is far below Int.max / 16 whenever a further digit is read, so this cannot overflow.
            guard value <= (Int.max - digit) / 16 else { throw tooLarge() }
            value = value * 16 + digit
            guard value <= bytesMax else { throw tooLarge() }
            index += 1
        }
        guard index > line.startIndex else { throw .chunkSizeMalformed }
        size = value
        extensionBytes = line.endIndex - index
        var extensions = ChunkExtensionScanner(rest: line[index...])
        guard extensions.isValid() else { throw .chunkExtensionMalformed }
    }
}

/// Checks `*( BWS ";" BWS name [ BWS "=" BWS value ] )` of RFC 9112 section 7.1.1.
private struct ChunkExtensionScanner {
    var rest: ArraySlice<UInt8>

    mutating func isValid() -> Bool {
        while !rest.isEmpty {
            skipBlanks()
            guard skip(UInt8(ascii: ";")) else { return false }
            skipBlanks()
            guard skipToken() else { return false }
            let afterName = rest
            skipBlanks()
            guard skip(UInt8(ascii: "=")) else {
                rest = afterName
                continue
            }
            skipBlanks()
            guard skipToken() || skipQuotedString() else { return false }
        }
        return true
    }

    private mutating func skip(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func skipBlanks() {
        rest = rest.drop(while: ByteClasses.isBlank)
    }

    private mutating func skipToken() -> Bool {
        let before = rest.count
        rest = rest.drop(while: { ByteClasses.isToken($0) })
        return rest.count < before
    }

    /// quoted-string of RFC 9110 section 5.6.4; control bytes were refused with the line.
    private mutating func skipQuotedString() -> Bool {
        guard skip(UInt8(ascii: "\"")) else { return false }
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return true }
            if byte == UInt8(ascii: "\\"), rest.popFirst() == nil { return false }
        }
        return false
    }
}
