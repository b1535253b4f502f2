// GGUFType.swift: the numbers by which GGUF names its metadata and tensor types.
// Source: the GGUF specification and ggml's type list.

/// A metadata value's type.
enum GGUFType: UInt32 {
    case uint8 = 0, int8, uint16, int16, uint32, int32, float32
    case bool, string, array, uint64, int64, float64

    /// Fewest bytes that one element takes in an array; bounds a declared count.
    var bytesMin: Int {
        switch self {
        case .uint8, .int8, .bool: 1
        case .uint16, .int16: 2
        case .uint32, .int32, .float32: 4
        case .uint64, .int64, .float64, .string: 8
        case .array: 12
        }
    }
}

/// Names of ggml tensor types that this build cannot compute with, so that a refusal can name them.
enum GGUFTypeNames {
    static func name(of number: UInt32) -> String? {
        switch number {
        case 4: "Q4_2, withdrawn"
        case 5: "Q4_3, withdrawn"
        case 9: "Q8_1"
        case 15: "Q8_K"
        case 16: "IQ2_XXS"
        case 17: "IQ2_XS"
        case 18: "IQ3_XXS"
        case 19: "IQ1_S"
        case 21: "IQ3_S"
        case 22: "IQ2_S"
        case 29: "IQ1_M"
        case 34: "TQ1_0"
        case 35: "TQ2_0"
        case 40: "NVFP4"
        default: nil
        }
    }
}
