// WeightFormat.swift: the formats that `tokenmill quantize` writes, and what each stands for in a file.
import ArgumentParser
import Core

enum WeightFormat: String, CaseIterable, Sendable {
    case f32 = "F32", f16 = "F16", bf16 = "BF16", q8_0 = "Q8_0", q6_K = "Q6_K"
    case q5_0 = "Q5_0", q5_1 = "Q5_1", q5_K = "Q5_K", q4_0 = "Q4_0", q4_1 = "Q4_1", q4_K = "Q4_K"

    var element: ElementFormat {
        switch self {
        case .f32: .f32
        case .f16: .f16
        case .bf16: .bf16
        case .q8_0: .q8_0
        case .q6_K: .q6_K
        case .q5_0: .q5_0
        case .q5_1: .q5_1
        case .q5_K: .q5_K
        case .q4_0: .q4_0
        case .q4_1: .q4_1
        case .q4_K: .q4_K
        }
    }

    /// GGUF's `general.file_type` of a file mostly in this format; the K formats' smallest mixture.
    var fileType: UInt32 {
        switch self {
        case .f32: 0
        case .f16: 1
        case .q4_0: 2
        case .q4_1: 3
        case .q8_0: 7
        case .q5_0: 8
        case .q5_1: 9
        case .q4_K: 14
        case .q5_K: 16
        case .q6_K: 18
        case .bf16: 32
        }
    }

    /// What the token embedding and the output matrix become unless asked otherwise. They decide every
    /// token directly and suffer most from few bits, so formats below six leave them at eight.
    var head: WeightFormat {
        switch self {
        case .q5_0, .q5_1, .q5_K, .q4_0, .q4_1, .q4_K: .q8_0
        default: self
        }
    }

    /// The format for rows that do not fill this one's blocks: llama.cpp's choice, with a few more bits.
    var fallback: WeightFormat {
        switch self {
        case .q4_K: .q5_0
        case .q5_K: .q5_1
        case .q6_K: .q8_0
        default: .f16
        }
    }

    /// This format, or the first fallback whose blocks such rows fill.
    func fitting(rowElements: Int) -> WeightFormat {
        rowElements % element.blockElements == 0 ? self : fallback.fitting(rowElements: rowElements)
    }
}

extension WeightFormat: ExpressibleByArgument {
    init?(argument: String) {
        self.init(rawValue: argument.uppercased())
    }
}
