// JSONWriter.swift: values to text, appended to one buffer that its owner reuses.
// Never sorts, never escapes more than JSON asks for, never builds a tree.
// Its one idea: whether a comma is due is all that compact JSON must remember; there is no stack.

/// An append-only writer; calls must form JSON, as begin/end pairs and key before value.
public struct JSONWriter: Sendable {
    /// What was written so far; the owner may take it, or add framing between documents.
    public var bytes: [UInt8]
    private var commaIsDue = false
    private var keyIsOpen = false
    private var depth = 0
    private let isPretty: Bool

    /// - isPretty: one member per line, indented by two spaces.
    public init(isPretty: Bool = false, capacity: Int = 256) {
        self.isPretty = isPretty
        bytes = []
        bytes.reserveCapacity(capacity)
    }

    /// Forgets everything but the buffer's capacity.
    public mutating func reset() {
        bytes.removeAll(keepingCapacity: true)
        commaIsDue = false
        keyIsOpen = false
        depth = 0
    }

    public mutating func beginObject() { begin(UInt8(ascii: "{")) }
    public mutating func endObject() { end(UInt8(ascii: "}")) }
    public mutating func beginArray() { begin(UInt8(ascii: "[")) }
    public mutating func endArray() { end(UInt8(ascii: "]")) }

    public mutating func key(_ key: String) {
        separate()
        append(quoted: key)
        bytes.append(UInt8(ascii: ":"))
        if isPretty { bytes.append(0x20) }
        keyIsOpen = true
    }

    public mutating func value(_ value: String) {
        separate()
        append(quoted: value)
        commaIsDue = true
    }

    public mutating func value(_ value: Int) {
        separate()
        append(decimal: value)
        commaIsDue = true
    }

    /// Writes the shortest digits that read back as the same double; `null` if not finite.
    public mutating func value(_ value: Double) {
        separate()
        append(value.isFinite ? value.description : "null")
        commaIsDue = true
    }

    /// Writes the shortest digits that read back as the same float; `null` if not finite.
    public mutating func value(_ value: Float) {
        separate()
        append(value.isFinite ? value.description : "null")
        commaIsDue = true
    }

    public mutating func value(_ value: Bool) {
        separate()
        append(value ? "true" : "false")
        commaIsDue = true
    }

    public mutating func null() {
        separate()
        append("null")
        commaIsDue = true
    }

    public mutating func value(_ value: JSONValue) {
        switch value {
        case .null: null()
        case .bool(let value): self.value(value)
        case .integer(let value): self.value(value)
        case .double(let value): self.value(value)
        case .string(let value): self.value(value)
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .object(let members):
            beginObject()
            for member in members {
                key(member.key)
                self.value(member.value)
            }
            endObject()
        }
    }

    /// Writes one value that is already JSON text, as it is.
    public mutating func value(serialized text: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: text)
        commaIsDue = true
    }

    private mutating func begin(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        commaIsDue = false
        depth += 1
    }

    private mutating func end(_ bracket: UInt8) {
        precondition(depth > 0 && !keyIsOpen, "end without begin, or after a key")
        depth -= 1
        if isPretty, commaIsDue { newLine() }
        bytes.append(bracket)
        commaIsDue = true
    }

    /// Writes what must stand before a key or a value.
    @inline(__always)
    private mutating func separate() {
        if keyIsOpen {
            keyIsOpen = false
            return
        }
        if commaIsDue, depth > 0 {
            bytes.append(UInt8(ascii: ","))
        }
        if isPretty, depth > 0 { newLine() }
    }

    private mutating func newLine() {
        bytes.append(0x0A)
        bytes.append(contentsOf: repeatElement(0x20, count: 2 * depth))
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    private mutating func append(decimal value: Int) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        let begin = bytes.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
            rest = quotient
        } while rest > 0
        bytes[begin...].reverse()
    }

    private mutating func append(quoted text: String) {
        bytes.append(UInt8(ascii: "\""))
        let fast: Void? = text.utf8.withContiguousStorageIfAvailable { append(escaping: $0) }
        if fast == nil {
            Array(text.utf8).withUnsafeBufferPointer { append(escaping: $0) }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(escaping text: UnsafeBufferPointer<UInt8>) {
        var runBegin = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runBegin..<index]))
            append(escapeOf: byte)
            runBegin = index + 1
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[runBegin...]))
    }

    private mutating func append(escapeOf byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        default:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: [0x75, 0x30, 0x30])
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 0x0F)])
        }
    }
}

extension JSONValue {
    /// The value as JSON text; doubles that are not finite become `null`.
    public func serialized(pretty: Bool = false) -> [UInt8] {
        var writer = JSONWriter(isPretty: pretty)
        writer.value(self)
        return writer.bytes
    }
}
