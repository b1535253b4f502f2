// JSONParser.swift: the grammar of JSON as a recursive descent over one buffer.
// Reads only [0, count); every read is behind a comparison with count.

struct JSONParser {
    let start: UnsafePointer<UInt8>
    let count: Int
    let limits: JSONReader.Limits
    var position = 0
    var depth = 0
    var values = 0
    /// Bytes of the string being unescaped, kept for its capacity.
    var unescaped: [UInt8] = []

    init(start: UnsafePointer<UInt8>, count: Int, limits: JSONReader.Limits) {
        self.start = start
        self.count = count
        self.limits = limits
    }

    mutating func document() throws(JSONError) -> JSONValue {
        skipWhitespace()
        let result = try value()
        skipWhitespace()
        if position < count { throw failure(.trailingByte(start[position])) }
        return result
    }

    func failure(_ kind: JSONError.Kind) -> JSONError {
        JSONError(offset: position, kind: kind)
    }

    func unexpected() -> JSONError {
        failure(position < count ? .unexpectedByte(start[position]) : .unexpectedEnd)
    }

    private mutating func value() throws(JSONError) -> JSONValue {
        guard position < count else { throw failure(.unexpectedEnd) }
        values += 1
        guard values <= limits.valuesMax else {
            throw failure(.tooManyValues(limit: limits.valuesMax))
        }
        switch start[position] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "N") where limits.allowNaN: return try literal("NaN", .double(.nan))
        case UInt8(ascii: "I") where limits.allowNaN:
            return try literal("Infinity", .double(.infinity))
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default: throw unexpected()
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try enter()
        var result = JSONObject()
        skipWhitespace()
        if take(UInt8(ascii: "}")) {
            depth -= 1
            return result
        }
        while true {
            let keyPosition = position
            guard position < count, start[position] == UInt8(ascii: "\"") else {
                throw unexpected()
            }
            let key = try string()
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw unexpected() }
            skipWhitespace()
            guard result.insert(try value(), forNewKey: key) else {
                throw JSONError(offset: keyPosition, kind: .duplicateKey(key))
            }
            skipWhitespace()
            if take(UInt8(ascii: ",")) {
                skipWhitespace()
            } else if take(UInt8(ascii: "}")) {
                depth -= 1
                return result
            } else {
                throw unexpected()
            }
        }
    }

    private mutating func array() throws(JSONError) -> [JSONValue] {
        try enter()
        var result: [JSONValue] = []
        skipWhitespace()
        if take(UInt8(ascii: "]")) {
            depth -= 1
            return result
        }
        // Room for a pair: a vocabulary's merges are some 400,000 of them.
        result.reserveCapacity(2)
        while true {
            result.append(try value())
            skipWhitespace()
            if take(UInt8(ascii: ",")) {
                skipWhitespace()
            } else if take(UInt8(ascii: "]")) {
                depth -= 1
                return result
            } else {
                throw unexpected()
            }
        }
    }

    /// Steps over the opening bracket.
    private mutating func enter() throws(JSONError) {
        depth += 1
        guard depth <= limits.depthMax else { throw failure(.tooDeep(limit: limits.depthMax)) }
        position += 1
    }

    mutating func literal(
        _ word: StaticString, _ value: JSONValue
    ) throws(JSONError) -> JSONValue {
        for index in 0..<word.utf8CodeUnitCount {
            guard position < count, start[position] == word.utf8Start[index] else {
                throw unexpected()
            }
            position += 1
        }
        return value
    }

    @inline(__always)
    mutating func take(_ byte: UInt8) -> Bool {
        guard position < count, start[position] == byte else { return false }
        position += 1
        return true
    }

    @inline(__always)
    private mutating func skipWhitespace() {
        while position < count {
            switch start[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }
}
