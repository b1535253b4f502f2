// ProtobufReader.swift: reads the fields of one protobuf message, as SentencePiece models are.
// Knows wire types, not schemas. Every length is checked against the message. Source: protobuf's
// encoding specification.

struct ProtobufReader {
    enum Value {
        case integer(UInt64)
        case bits32(UInt32)
        case bytes(Range<Int>)
    }

    private let bytes: [UInt8]
    private var position: Int
    private let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field, or nil at the end of the message.
    mutating func next() throws(TokenizerError) -> (field: Int, value: Value)? {
        if position >= end { return nil }
        let key = try integer()
        let field = Int(truncatingIfNeeded: key >> 3)
        switch key & 7 {
        case 0: return (field, .integer(try integer()))
        case 1: return (field, .bytes(try skip(8)))
        case 2: return (field, .bytes(try skip(Int(clamping: try integer()))))
        case 5:
            let range = try skip(4)
            let value = range.reversed().reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[$1]) }
            return (field, .bits32(value))
        default: throw failure
        }
    }

    private var failure: TokenizerError { .malformed(format: "SentencePiece model", offset: position) }

    private mutating func skip(_ count: Int) throws(TokenizerError) -> Range<Int> {
        guard count <= end - position else { throw failure }
        defer { position += count }
        return position..<(position + count)
    }

    private mutating func integer() throws(TokenizerError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while position < end, shift < 64 {
            let byte = bytes[position]
            position += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        throw failure
    }
}
