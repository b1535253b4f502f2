// QuantizationError.swift: why a file cannot be quantized, with the tensor, the number and the limit.
import Checkpoints
import Compute
import Core
import Glibc

enum QuantizationError: Error, Equatable, CustomStringConvertible {
    case notGGUF(path: String)
    case sameFile(path: String)
    case unreadable(tensor: String, format: ElementFormat)
    case notANumber(tensor: String, row: Int, column: Int, value: Float)
    case beyondFormat(tensor: String, row: Int, column: Int, value: Float, format: ElementFormat, limit: Float)
    case interrupted
    case workers(WorkerTeamError)
    case reading(CheckpointError)
    case writing(CheckpointError)

    var description: String {
        switch self {
        case .notGGUF(let path): "\(path): not a GGUF file"
        case .sameFile(let path): "\(path): input and output are the same file"
        case .unreadable(let tensor, let format):
            "tensor \(tensor): values of format \(format) cannot be read as numbers"
        case .notANumber(let tensor, let row, let column, let value):
            "tensor \(tensor): \(value) in row \(row), column \(column)"
        case .beyondFormat(let tensor, let row, let column, let value, let format, let limit):
            "tensor \(tensor): \(value) in row \(row), column \(column); the limit of \(format) is \(limit)"
        case .interrupted: "interrupted"
        case .workers(let error): "\(error)"
        case .reading(let error), .writing(let error): "\(error)"
        }
    }
}

extension CommandFailure {
    init(_ error: QuantizationError) {
        let advice =
            switch error {
            case .notGGUF: "quantize reads .gguf files only; convert it first"
            case .sameFile: "choose another OUTPUT"
            case .unreadable: "take a file in F32, F16, BF16 or a block format"
            case .notANumber: "the file is damaged, or its model diverged; take another"
            case .beyondFormat: "choose BF16 or F32"
            case .interrupted: "nothing was written"
            case .workers: "lower --threads"
            case .reading: "check INPUT, or fetch the file again"
            case .writing(let error):
                error.isExistingFile
                    ? "--force replaces it" : "check OUTPUT and the space on its disk; nothing was written"
            }
        self.init("\(error)", advice: advice)
    }
}

extension CheckpointError {
    fileprivate var isExistingFile: Bool {
        if case .system("create", EEXIST) = fault { true } else { false }
    }
}
