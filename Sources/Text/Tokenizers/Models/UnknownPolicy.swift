// UnknownPolicy.swift: what becomes of text that no piece covers: its bytes, the unknown token, or,
// in vocabularies that have neither, nothing.
import Core

struct UnknownPolicy: Sendable {
    /// The token of each byte value, or -1; nil where the vocabulary has no byte tokens.
    let byteTokens: FrozenArray<TokenID>?
    let unknownToken: TokenID
    /// Whether a run of unknown text becomes one unknown token.
    let fuses: Bool

    /// Appends the ids of `count` bytes; ids before `start` belong to other words and are never fused with.
    func append(_ text: UnsafePointer<UInt8>, _ count: Int, from start: Int, to output: inout [TokenID]) {
        if let byteTokens {
            var hasAll = true
            for index in 0..<count where byteTokens.base[Int(text[index])] < 0 { hasAll = false }
            if hasAll {
                for index in 0..<count { output.append(byteTokens.base[Int(text[index])]) }
                return
            }
        }
        guard unknownToken >= 0 else { return }
        if fuses, output.count > start, output.last == unknownToken { return }
        output.append(unknownToken)
    }
}
