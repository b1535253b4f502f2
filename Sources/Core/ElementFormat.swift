// ElementFormat.swift: how tensors are stored in checkpoints, by block size and bytes.
// Raw values below 1000 are GGUF's type numbers.

public enum ElementFormat: Int32, Sendable, Hashable, CaseIterable {
    case f32 = 0, f16 = 1, q4_0 = 2, q4_1 = 3, q5_0 = 6, q5_1 = 7, q8_0 = 8
    case q2_K = 10, q3_K = 11, q4_K = 12, q5_K = 13, q6_K = 14
    case iq4_nl = 20, iq4_xs = 23
    case i8 = 24, i16 = 25, i32 = 26, i64 = 27, f64 = 28
    case bf16 = 30, mxfp4 = 39
    // Formats that only safetensors files have.
    case bool = 1000, u8 = 1001, u16 = 1002, u32 = 1003, u64 = 1004, f8_e4m3 = 1005, f8_e5m2 = 1006, f8_e8m0 = 1007
    case f4 = 1008, f6_e2m3 = 1009, f6_e3m2 = 1010, c64 = 1011

    /// Elements in one block; every row holds whole blocks.
    public var blockElements: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4_nl, .mxfp4: 32
        case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_xs: 256
        // Below one byte, a block is the fewest elements that fill whole bytes.
        case .f4: 2
        case .f6_e2m3, .f6_e3m2: 4
        default: 1
        }
    }

    /// Bytes of one block.
    public var blockBytes: Int {
        switch self {
        case .f32, .i32, .u32: 4
        case .f16, .bf16, .i16, .u16: 2
        case .i8, .u8, .bool, .f8_e4m3, .f8_e5m2, .f8_e8m0, .f4: 1
        case .f6_e2m3, .f6_e3m2: 3
        case .f64, .i64, .u64, .c64: 8
        case .q4_0, .iq4_nl: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q2_K: 84
        case .q3_K: 110
        case .q4_K: 144
        case .q5_K: 176
        case .q6_K: 210
        case .iq4_xs: 136
        case .mxfp4: 17
        }
    }

    /// Bytes of `elements` values, which must fill whole blocks.
    public func bytes(of elements: Int) -> Int {
        precondition(elements % blockElements == 0, "\(elements) elements do not fill blocks of \(blockElements)")
        return elements / blockElements * blockBytes
    }
}
