// GGUFEncoder.swift: metadata values as the bytes that GGUFCursor reads; each type as it was given.

struct GGUFEncoder {
    private(set) var bytes: [UInt8] = []

    mutating func append(contentsOf more: some Sequence<UInt8>) { bytes += more }

    mutating func append<Value: FixedWidthInteger>(_ value: Value) {
        withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
    }

    mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        bytes += text.utf8
    }

    /// The value's type and the value.
    mutating func append(_ value: GGUFValue) {
        append(value.type.rawValue)
        switch value {
        case .uint8(let value): append(value)
        case .int8(let value): append(value)
        case .uint16(let value): append(value)
        case .int16(let value): append(value)
        case .uint32(let value): append(value)
        case .int32(let value): append(value)
        case .uint64(let value): append(value)
        case .int64(let value): append(value)
        case .float32(let value): append(value.bitPattern)
        case .float64(let value): append(value.bitPattern)
        case .bool(let value): append(UInt8(value ? 1 : 0))
        case .string(let value): append(value)
        case .array(let value): append(value)
        }
    }

    mutating func pad(to alignment: Int) {
        bytes += [UInt8](repeating: 0, count: bytes.count.roundedUp(to: alignment) - bytes.count)
    }

    /// The elements' type, their count and the elements.
    private mutating func append(_ array: GGUFArray) {
        append(array.elementType.rawValue)
        append(UInt64(array.count))
        switch array {
        case .uint8(let values): bytes += values
        case .int8(let values): append(numbers: values)
        case .uint16(let values): append(numbers: values)
        case .int16(let values): append(numbers: values)
        case .uint32(let values): append(numbers: values)
        case .int32(let values): append(numbers: values)
        case .uint64(let values): append(numbers: values)
        case .int64(let values): append(numbers: values)
        case .float32(let values): append(numbers: values)
        case .float64(let values): append(numbers: values)
        case .bool(let values): bytes += values.map { $0 ? 1 : 0 }
        case .strings(let values): append(values)
        case .arrays(let values): for value in values { append(value) }
        }
    }

    private mutating func append(_ strings: GGUFStringArray) {
        for index in 0..<strings.count {
            let range = strings.range(of: index)
            append(UInt64(range.count))
            bytes += strings.bytes[range]
        }
    }

    /// Hosts are little-endian, as the format is.
    private mutating func append<Value: BitwiseCopyable>(numbers: [Value]) {
        numbers.withUnsafeBytes { bytes += $0 }
    }
}

extension GGUFValue {
    var type: GGUFType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .string: .string
        case .array: .array
        }
    }
}

extension GGUFArray {
    var elementType: GGUFType {
        switch self {
        case .uint8: .uint8
        case .int8: .int8
        case .uint16: .uint16
        case .int16: .int16
        case .uint32: .uint32
        case .int32: .int32
        case .uint64: .uint64
        case .int64: .int64
        case .float32: .float32
        case .float64: .float64
        case .bool: .bool
        case .strings: .string
        case .arrays: .array
        }
    }
}
