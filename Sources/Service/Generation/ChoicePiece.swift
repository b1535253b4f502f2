// ChoicePiece.swift: news of one choice as the answer's writer sees it: text known to be complete, and its tokens.
import Core
import Engine

public struct ChoicePiece: Sendable {
    public let choice: Int
    /// May lag behind the tokens: half a character and the beginning of a stop string are held back.
    public var text = ""
    /// Up to and including the token that ended the choice.
    public var tokens: ArraySlice<SampledToken> = []
    /// The choice's last piece has it.
    public var finish: FinishReason?
    /// With the first piece of choice 0, when asked for.
    public var promptLogprobs: [SampledToken] = []

    public init(choice: Int) { self.choice = choice }
}
