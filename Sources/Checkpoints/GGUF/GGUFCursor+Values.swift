// GGUFCursor+Values.swift: reads metadata values of every type.

import Glibc

extension GGUFCursor {
    mutating func readValue(of type: GGUFType) throws(CheckpointError) -> GGUFValue {
        switch type {
        case .uint8: .uint8(try read(UInt8.self))
        case .int8: .int8(try read(Int8.self))
        case .uint16: .uint16(try read(UInt16.self))
        case .int16: .int16(try read(Int16.self))
        case .uint32: .uint32(try read(UInt32.self))
        case .int32: .int32(try read(Int32.self))
        case .uint64: .uint64(try read(UInt64.self))
        case .int64: .int64(try read(Int64.self))
        case .float32: .float32(Float(bitPattern: try read(UInt32.self)))
        case .float64: .float64(Double(bitPattern: try read(UInt64.self)))
        case .bool: .bool(try readBoolean())
        case .string: .string(try readString(limit: bytes.count, quantity: "string length"))
        case .array: .array(try readArray(depth: 1))
        }
    }

    private mutating func readBoolean() throws(CheckpointError) -> Bool {
        let byte = try read(UInt8.self)
        guard byte <= 1 else { throw error(.invalidBoolean(byte), at: offset - 1) }
        return byte == 1
    }

    private mutating func readArray(depth: Int) throws(CheckpointError) -> GGUFArray {
        let start = offset
        guard depth <= CheckpointLimits.arrayDepthMax else {
            let limit = CheckpointLimits.arrayDepthMax
            throw error(
                .overLimit(quantity: "array depth", value: UInt64(depth), limit: limit), at: start)
        }
        let type = try readType()
        let count = try readCount(bytesMin: type.bytesMin, quantity: "array count")
        switch type {
        case .uint8: return .uint8(readScalars(count, UInt8.self))
        case .int8: return .int8(readScalars(count, Int8.self))
        case .uint16: return .uint16(readScalars(count, UInt16.self))
        case .int16: return .int16(readScalars(count, Int16.self))
        case .uint32: return .uint32(readScalars(count, UInt32.self))
        case .int32: return .int32(readScalars(count, Int32.self))
        case .uint64: return .uint64(readScalars(count, UInt64.self))
        case .int64: return .int64(readScalars(count, Int64.self))
        case .float32: return .float32(readScalars(count, Float.self))
        case .float64: return .float64(readScalars(count, Double.self))
        case .bool: return .bool(try readBooleans(count))
        case .string: return .strings(try readStrings(count))
        case .array:
            var elements: [GGUFArray] = []
            elements.reserveCapacity(count)
            for _ in 0..<count { elements.append(try readArray(depth: depth + 1)) }
            return .arrays(elements)
        }
    }

    /// `count` numbers that are known to be in the file. Hosts are little-endian, as the format is.
    private mutating func readScalars<Value: BitwiseCopyable>(
        _ count: Int, _: Value.Type
    ) -> [Value] {
        let size = count * MemoryLayout<Value>.stride
        defer { offset += size }
        return [Value](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            if size > 0 { memcpy(buffer.baseAddress!, bytes.baseAddress! + offset, size) }
            initializedCount = count
        }
    }

    private mutating func readBooleans(_ count: Int) throws(CheckpointError) -> [Bool] {
        var values: [Bool] = []
        values.reserveCapacity(count)
        for _ in 0..<count { values.append(try readBoolean()) }
        return values
    }

    /// Two passes: the first finds every end and checks it, the second copies into one arena.
    private mutating func readStrings(_ count: Int) throws(CheckpointError) -> GGUFStringArray {
        let start = offset
        var ends: [UInt32] = []
        ends.reserveCapacity(count)
        var total = 0
        for _ in 0..<count {
            let length = try read(UInt64.self)
            try require(length)
            total += Int(length)
            guard total <= CheckpointLimits.stringArrayBytesMax else {
                let limit = CheckpointLimits.stringArrayBytesMax
                throw error(
                    .overLimit(quantity: "bytes of strings", value: UInt64(total), limit: limit))
            }
            ends.append(UInt32(total))
            offset += Int(length)
        }
        let arena = [UInt8](unsafeUninitializedCapacity: total) { buffer, initializedCount in
            var source = start
            var begin = 0
            for end in ends {
                let length = Int(end) - begin
                source += 8
                if length > 0 {
                    memcpy(buffer.baseAddress! + begin, bytes.baseAddress! + source, length)
                }
                source += length
                begin += length
            }
            initializedCount = total
        }
        return GGUFStringArray(bytes: arena, ends: ends)
    }
}
