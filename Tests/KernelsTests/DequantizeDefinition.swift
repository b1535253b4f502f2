// DequantizeDefinition.swift: one element at a time, straight from its format's definition.
// Slow and separate from the decoders on purpose: where is the element's scale, where are its bits.

import Kernels

enum BlockDefinition {
    /// All values of whole blocks.
    static func values(format: Int32, blocks: [UInt8]) -> [Float] {
        let shape = integer_view_shape(format)
        let bytes = Int(shape.block_bytes)
        return (0..<(blocks.count / bytes)).flatMap { index -> [Float] in
            let block = Array(blocks[(index * bytes)..<((index + 1) * bytes)])
            return (0..<Int(shape.block_elements)).map {
                value(format: format, block: block, element: $0)
            }
        }
    }

    static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10 & 31)
        let fraction = Float(bits & 1023) / 1024
        switch exponent {
        case 0: return sign * fraction * 0x1p-14
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default:
            return sign * (1 + fraction)
                * Float(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }

    private static let table: [Int] = [
        -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
    ]
    private static let e2m1: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]

    private static func value(format: Int32, block: [UInt8], element: Int) -> Float {
        func half(at place: Int) -> Float {
            Self.half(UInt16(block[place]) | UInt16(block[place + 1]) << 8)
        }
        /// The nibble of an element where each 2n elements lie in n bytes, low nibbles first.
        func nibble(from start: Int, pairing size: Int) -> Int {
            let byte = block[start + element / (2 * size) * size + element % size]
            return Int(element / size % 2 == 0 ? byte & 15 : byte >> 4)
        }
        func bit(_ number: Int, ofByte place: Int) -> Int { Int(block[place] >> UInt8(number)) & 1 }
        switch format {
        case 2: return half(at: 0) * Float(nibble(from: 2, pairing: 16) - 8)
        case 3: return half(at: 0) * Float(nibble(from: 4, pairing: 16)) + half(at: 2)
        case 6, 7:
            let high = bit(element % 8, ofByte: (format == 6 ? 2 : 4) + element / 8) * 16
            return format == 6
                ? half(at: 0) * Float(nibble(from: 6, pairing: 16) + high - 16)
                : half(at: 0) * Float(nibble(from: 8, pairing: 16) + high) + half(at: 2)
        case 8: return half(at: 0) * Float(Int8(bitPattern: block[2 + element]))
        case 20: return half(at: 0) * Float(table[nibble(from: 2, pairing: 16)])
        case 39:
            let code = nibble(from: 1, pairing: 16)
            let power = Float(sign: .plus, exponent: Int(block[0]) - 127, significand: 1)
            // Written as the doubled integer it is, so that minus zero is zero.
            return power / 2 * Float((code < 8 ? 1 : -1) * Int(2 * e2m1[code % 8]))
        case 23:
            let group = element / 32
            let low = Int(block[4 + group / 2] >> UInt8(4 * (group % 2))) & 15
            let high = Int(block[2 + group / 4] >> UInt8(2 * (group % 4))) & 3
            return half(at: 0) * Float(low + 16 * high - 32)
                * Float(table[nibble(from: 8, pairing: 16)])
        case 10, 11: return twoBits(format: format, block: block, element: element)
        default: return sixBitScales(format: format, block: block, element: element)
        }
    }

    private static func halfAt(_ block: [UInt8], _ place: Int) -> Float {
        half(UInt16(block[place]) | UInt16(block[place + 1]) << 8)
    }

    /// Q2_K and Q3_K: four elements, 32 apart, share a byte.
    private static func twoBits(format: Int32, block: [UInt8], element: Int) -> Float {
        let start = format == 10 ? 16 : 32
        let byte = block[start + element / 128 * 32 + element % 32]
        let low = Int(byte >> UInt8(2 * (element / 32 % 4))) & 3
        let group = element / 16
        if format == 10 {
            let scale = halfAt(block, 80) * Float(block[group] & 15)
            return scale * Float(low) - halfAt(block, 82) * Float(block[group] >> 4)
        }
        let isSet = block[element % 32] >> UInt8(element / 32) & 1 == 1
        let lower = Int(block[96 + group % 8] >> (group < 8 ? 0 : 4)) & 15
        let upper = Int(block[104 + group % 4] >> UInt8(2 * (group / 4))) & 3
        return halfAt(block, 108) * Float(lower + 16 * upper - 32) * Float(isSet ? low : low - 4)
    }

    /// Q4_K, Q5_K and Q6_K.
    private static func sixBitScales(format: Int32, block: [UInt8], element: Int) -> Float {
        if format == 14 {
            let half = element / 128
            let part = element % 128 / 32
            let byte = block[half * 64 + part % 2 * 32 + element % 32]
            let low = Int(part < 2 ? byte & 15 : byte >> 4)
            let high = Int(block[128 + half * 32 + element % 32] >> UInt8(2 * part)) & 3
            let scale = halfAt(block, 208) * Float(Int8(bitPattern: block[192 + element / 16]))
            return scale * Float(low + 16 * high - 32)
        }
        let group = element / 32
        let packed = Array(block[4..<16])
        let scale: UInt8
        let minimum: UInt8
        if group < 4 {
            (scale, minimum) = (packed[group] & 63, packed[group + 4] & 63)
        } else {
            scale = packed[group + 4] & 15 | (packed[group - 4] >> 6) << 4
            minimum = packed[group + 4] >> 4 | (packed[group] >> 6) << 4
        }
        let byte = block[(format == 12 ? 16 : 48) + element / 64 * 32 + element % 32]
        var quant = Int(group % 2 == 0 ? byte & 15 : byte >> 4)
        if format == 13 { quant += Int(block[16 + element % 32] >> UInt8(group) & 1) * 16 }
        return halfAt(block, 0) * Float(scale) * Float(quant) - halfAt(block, 2) * Float(minimum)
    }
}
