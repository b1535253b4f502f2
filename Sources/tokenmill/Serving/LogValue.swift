// LogValue.swift: a field of a log line; numbers stay numbers, so that collectors can sum them.
import Logging

enum LogValue: Equatable {
    case integer(Int)
    case number(Double)
    case text(String)

    init(_ value: Logger.Metadata.Value) {
        switch value {
        case .stringConvertible(let number as Int): self = .integer(number)
        case .stringConvertible(let number as Double) where number.isFinite: self = .number(number)
        default: self = .text("\(value)")
        }
    }

    var text: String {
        switch self {
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .text(let text): text
        }
    }
}
