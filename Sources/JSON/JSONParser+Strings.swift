// JSONParser+Strings.swift: the characters between quotes.
// A string without escapes is validated and copied straight out of the text.

extension JSONParser {
    /// Reads a string whose opening quote is at `position`; ends after the closing one.
    mutating func string() throws(JSONError) -> String {
        position += 1
        let begin = position
        let isASCII = try skipPlain()
        if start[position] == UInt8(ascii: "\"") {
            let bytes = UnsafeBufferPointer(start: start + begin, count: position - begin)
            position += 1
            // Known to be valid, it is decoded without repair; `String(validating:)` costs more.
            if !isASCII, let fault = firstFault(in: bytes) {
                throw JSONError(offset: begin + fault, kind: .invalidUTF8)
            }
            return String(decoding: bytes, as: UTF8.self)
        }
        return try escapedString(from: begin)
    }

    /// Moves to the next quote or backslash; answers whether all before it is ASCII.
    @inline(__always)
    @discardableResult
    private mutating func skipPlain() throws(JSONError) -> Bool {
        var seen: UInt64 = 0
        while position &+ 8 <= count {
            let word = UnsafeRawPointer(start + position).loadUnaligned(as: UInt64.self)
            let stops = Self.stops(in: word)
            if stops != 0 {
                let plainBits = stops.trailingZeroBitCount & ~7
                seen |= word & ((1 << UInt64(plainBits)) &- 1)
                position &+= plainBits / 8
                break
            }
            seen |= word
            position &+= 8
        }
        while position < count {
            let byte = start[position]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
                return seen & 0x8080_8080_8080_8080 == 0
            }
            if byte < 0x20 { throw failure(.controlCharacter(byte)) }
            seen |= UInt64(byte)
            position &+= 1
        }
        throw failure(.unexpectedEnd)
    }

    /// Marks (bit 7 of) the first byte that is a quote, a backslash or a control character, and
    /// perhaps later ones; zero when there is none. Little-endian, as every supported machine is.
    @inline(__always)
    private static func stops(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let slashes = word ^ (ones &* 0x5C)
        let control = (word &- ones &* 0x20) & ~word
        let quote = (quotes &- ones) & ~quotes
        let slash = (slashes &- ones) & ~slashes
        return (control | quote | slash) & (ones &* 0x80)
    }

    private mutating func escapedString(from begin: Int) throws(JSONError) -> String {
        unescaped.removeAll(keepingCapacity: true)
        var runBegin = begin
        while true {
            unescaped.append(
                contentsOf: UnsafeBufferPointer(start: start + runBegin, count: position - runBegin)
            )
            if take(UInt8(ascii: "\"")) { break }
            try escape()
            runBegin = position
            try skipPlain()
        }
        let isValid = unescaped.withUnsafeBufferPointer { firstFault(in: $0) == nil }
        guard isValid else {
            let text = UnsafeBufferPointer(start: start + begin, count: position - begin)
            throw JSONError(offset: begin + (firstFault(in: text) ?? 0), kind: .invalidUTF8)
        }
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// Reads one escape, whose backslash is at `position`, into `unescaped`.
    private mutating func escape() throws(JSONError) {
        guard position + 1 < count else {
            position = count
            throw failure(.unexpectedEnd)
        }
        switch start[position + 1] {
        case UInt8(ascii: "\""): unescaped.append(UInt8(ascii: "\""))
        case UInt8(ascii: "\\"): unescaped.append(UInt8(ascii: "\\"))
        case UInt8(ascii: "/"): unescaped.append(UInt8(ascii: "/"))
        case UInt8(ascii: "b"): unescaped.append(0x08)
        case UInt8(ascii: "f"): unescaped.append(0x0C)
        case UInt8(ascii: "n"): unescaped.append(0x0A)
        case UInt8(ascii: "r"): unescaped.append(0x0D)
        case UInt8(ascii: "t"): unescaped.append(0x09)
        case UInt8(ascii: "u"): return try unicodeEscape()
        default: throw failure(.invalidEscape)
        }
        position += 2
    }

    private mutating func unicodeEscape() throws(JSONError) {
        let first = try hexadecimal(at: position + 2)
        var code = first
        var length = 6
        if 0xD800...0xDBFF ~= first {
            guard position + 7 < count, start[position + 6] == UInt8(ascii: "\\"),
                start[position + 7] == UInt8(ascii: "u")
            else { throw failure(.loneSurrogate) }
            let second = try hexadecimal(at: position + 8)
            guard 0xDC00...0xDFFF ~= second else { throw failure(.loneSurrogate) }
            code = 0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)
            length = 12
        }
        guard let scalar = Unicode.Scalar(code) else { throw failure(.loneSurrogate) }
        unescaped.append(contentsOf: UTF8.encode(scalar)!)
        position += length
    }

    private func hexadecimal(at offset: Int) throws(JSONError) -> UInt32 {
        guard offset + 4 <= count else {
            throw JSONError(offset: count, kind: .unexpectedEnd)
        }
        var result: UInt32 = 0
        for index in offset..<offset + 4 {
            let byte = start[index]
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw failure(.invalidEscape)
            }
            result = result << 4 | UInt32(digit)
        }
        return result
    }

    /// Where UTF-8 breaks off: RFC 3629 section 4, so no overlong forms and no surrogates.
    private func firstFault(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var index = 0
        while index < bytes.count {
            let first = bytes[index]
            if first < 0x80 {
                index &+= 1
                continue
            }
            let length: Int
            var second: ClosedRange<UInt8> = 0x80...0xBF
            switch first {
            case 0xC2...0xDF: length = 2
            case 0xE0...0xEF:
                length = 3
                if first == 0xE0 { second = 0xA0...0xBF }
                if first == 0xED { second = 0x80...0x9F }
            case 0xF0...0xF4:
                length = 4
                if first == 0xF0 { second = 0x90...0xBF }
                if first == 0xF4 { second = 0x80...0x8F }
            default: return index
            }
            guard index + length <= bytes.count, second.contains(bytes[index + 1]) else {
                return index
            }
            for place in (index + 2)..<max(index + 2, index + length)
            where bytes[place] & 0xC0 != 0x80 {
                return index
            }
            index &+= length
        }
        return nil
    }
}
