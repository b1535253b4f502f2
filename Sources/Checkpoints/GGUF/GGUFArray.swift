// GGUFArray.swift: a metadata array, stored as flat as its element type allows.

/// Elements of one type, in the order of the file.
public enum GGUFArray: Sendable, Hashable {
    case uint8([UInt8]), int8([Int8]), uint16([UInt16]), int16([Int16])
    case uint32([UInt32]), int32([Int32]), uint64([UInt64]), int64([Int64])
    case float32([Float]), float64([Double]), bool([Bool])
    case strings(GGUFStringArray)
    case arrays([GGUFArray])

    public var count: Int {
        switch self {
        case .uint8(let values): values.count
        case .int8(let values): values.count
        case .uint16(let values): values.count
        case .int16(let values): values.count
        case .uint32(let values): values.count
        case .int32(let values): values.count
        case .uint64(let values): values.count
        case .int64(let values): values.count
        case .float32(let values): values.count
        case .float64(let values): values.count
        case .bool(let values): values.count
        case .strings(let values): values.count
        case .arrays(let values): values.count
        }
    }

    /// The elements of any integer type; nil for other types or a value above `Int.max`.
    public var integers: [Int]? {
        switch self {
        case .uint8(let values): values.map { Int($0) }
        case .int8(let values): values.map { Int($0) }
        case .uint16(let values): values.map { Int($0) }
        case .int16(let values): values.map { Int($0) }
        case .uint32(let values): values.map { Int($0) }
        case .int32(let values): values.map { Int($0) }
        case .uint64(let values): exactIntegers(values)
        case .int64(let values): values.map { Int($0) }
        default: nil
        }
    }

    /// The elements of either floating type, rounded to single precision.
    public var floats: [Float]? {
        switch self {
        case .float32(let values): values
        case .float64(let values): values.map { Float($0) }
        default: nil
        }
    }

    public var booleans: [Bool]? {
        if case .bool(let values) = self { values } else { nil }
    }

    public var stringArray: GGUFStringArray? {
        if case .strings(let values) = self { values } else { nil }
    }

    private func exactIntegers(_ values: [UInt64]) -> [Int]? {
        guard values.allSatisfy({ $0 <= UInt64(Int.max) }) else { return nil }
        return values.map { Int($0) }
    }
}
