// SafetensorsTypes.swift: the names by which safetensors headers call element types.

import Core

enum SafetensorsTypes {
    /// Nil for an unknown name.
    static func format(of name: String) -> ElementFormat? {
        switch name {
        case "BOOL": .bool
        case "U8": .u8
        case "I8": .i8
        case "F8_E4M3": .f8_e4m3
        case "F8_E5M2": .f8_e5m2
        case "F8_E8M0": .f8_e8m0
        case "U16": .u16
        case "I16": .i16
        case "F16": .f16
        case "BF16": .bf16
        case "U32": .u32
        case "I32": .i32
        case "F32": .f32
        case "U64": .u64
        case "I64": .i64
        case "F64": .f64
        case "C64": .c64
        case "F4": .f4
        case "F6_E2M3": .f6_e2m3
        case "F6_E3M2": .f6_e3m2
        default: nil
        }
    }
}
