// JSONParser+Numbers.swift: digits to an integer when they are one, else to the nearest double.

extension JSONParser {
    mutating func number() throws(JSONError) -> JSONValue {
        let begin = position
        let isNegative = take(UInt8(ascii: "-"))
        if isNegative, limits.allowNaN, position < count, start[position] == UInt8(ascii: "I") {
            return try literal("Infinity", .double(-.infinity))
        }
        var mantissa: UInt64 = 0
        var isExact = true
        if position < count, start[position] == UInt8(ascii: "0") {
            position += 1
            if position < count, isDigit(start[position]) { throw failure(.invalidNumber) }
        } else {
            try digits(into: &mantissa, &isExact)
        }
        var exponent = 0
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            let fraction = position
            try digits(into: &mantissa, &isExact)
            exponent = fraction - position
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            exponent += try writtenExponent()
        }
        if isInteger, isExact {
            if !isNegative, let value = Int(exactly: mantissa) { return .integer(value) }
            if isNegative, mantissa <= UInt64(Int.max) + 1 {
                return .integer(Int(truncatingIfNeeded: 0 &- mantissa))
            }
        }
        if isExact, mantissa <= 1 << 53, abs(exponent) <= 22 {
            let scale = Self.powersOfTen[abs(exponent)]
            let size = exponent < 0 ? Double(mantissa) / scale : Double(mantissa) * scale
            return .double(isNegative ? -size : size)
        }
        return .double(try nearestDouble(from: begin))
    }

    /// Reads one digit or more.
    private mutating func digits(
        into mantissa: inout UInt64, _ isExact: inout Bool
    ) throws(JSONError) {
        guard position < count, isDigit(start[position]) else {
            throw position < count ? failure(.invalidNumber) : failure(.unexpectedEnd)
        }
        while position < count, isDigit(start[position]) {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(start[position] & 0x0F))
            if overflow || carry { isExact = false }
            mantissa = sum
            position += 1
        }
    }

    /// Reads the sign and digits of an exponent, held within what cannot matter any more.
    private mutating func writtenExponent() throws(JSONError) -> Int {
        let isNegative = take(UInt8(ascii: "-"))
        if !isNegative { _ = take(UInt8(ascii: "+")) }
        guard position < count, isDigit(start[position]) else {
            throw position < count ? failure(.invalidNumber) : failure(.unexpectedEnd)
        }
        var result = 0
        while position < count, isDigit(start[position]) {
            result = min(result * 10 + Int(start[position] & 0x0F), 1 << 30)
            position += 1
        }
        return isNegative ? -result : result
    }

    private func nearestDouble(from begin: Int) throws(JSONError) -> Double {
        let text = UnsafeBufferPointer(start: start + begin, count: position - begin)
        guard let value = Double(String(decoding: text, as: UTF8.self)) else {
            throw JSONError(offset: begin, kind: .invalidNumber)
        }
        guard value.isFinite || limits.allowNaN else {
            throw JSONError(offset: begin, kind: .numberOutOfRange)
        }
        return value
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    /// Those that a double holds exactly.
    private static let powersOfTen: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
        1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
    ]
}
