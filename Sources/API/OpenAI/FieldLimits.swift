// FieldLimits.swift: how much a request may ask for, field by field.

enum FieldLimits {
    static let temperature = 0.0...2.0
    static let penalty = -2.0...2.0
    static let repetitionPenalty = 0.01...100.0
    static let bias = -100.0...100.0
    static let biasesMax = 4096
    static let logprobsMax = 20
    static let stopsMax = 16
    static let stopBytesMax = 1024
    static let stopTokensMax = 128
    static let badWordsMax = 256
    static let promptsMax = 128
    static let messagesMax = 4096
    static let partsMax = 1024
    static let templateBytesMax = 256 << 10
    static let saltBytesMax = 256
    static let priority = -1_000_000_000...1_000_000_000
}
