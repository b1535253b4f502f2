// JSONReader.swift: text to value, by RFC 8259 and nothing looser, within stated limits.
// Never repairs: bad UTF-8, lone surrogates, duplicate keys and trailing text are errors.
// Its one idea: one pass over UTF-8 bytes; a string is copied once, already validated.

/// Parses JSON texts.
public struct JSONReader {
    public struct Limits: Sendable {
        public var depthMax: Int
        public var bytesMax: Int
        /// Most values in the text, nested ones counted; bounds memory, about 32 bytes each.
        public var valuesMax: Int
        /// Accepts bare `NaN`, `Infinity` and `-Infinity`, which Python writes into config.json.
        public var allowNaN: Bool

        /// Traps if the depth could exhaust a small thread stack (above 1024).
        public init(
            depthMax: Int = 128, bytesMax: Int = 64 << 20, valuesMax: Int = 8 << 20,
            allowNaN: Bool = false
        ) {
            precondition(depthMax <= 1024, "depthMax \(depthMax) is above 1024")
            self.depthMax = depthMax
            self.bytesMax = bytesMax
            self.valuesMax = valuesMax
            self.allowNaN = allowNaN
        }
    }

    public static func parse(
        _ bytes: [UInt8], limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        try bytes.withUnsafeBytes { outcome(of: $0, limits) }.get()
    }

    public static func parse(
        _ text: String, limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        var text = text
        return try text.withUTF8 { outcome(of: UnsafeRawBufferPointer($0), limits) }.get()
    }

    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: Limits = Limits()
    ) throws(JSONError) -> JSONValue {
        try outcome(of: bytes, limits).get()
    }

    private static func outcome(
        of bytes: UnsafeRawBufferPointer, _ limits: Limits
    ) -> Result<JSONValue, JSONError> {
        guard bytes.count <= limits.bytesMax else {
            let kind = JSONError.Kind.tooLarge(bytes: bytes.count, limit: limits.bytesMax)
            return .failure(JSONError(offset: limits.bytesMax, kind: kind))
        }
        guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else {
            return .failure(JSONError(offset: 0, kind: .unexpectedEnd))
        }
        var parser = JSONParser(start: start, count: bytes.count, limits: limits)
        do {
            return .success(try parser.document())
        } catch {
            return .failure(error)
        }
    }
}
