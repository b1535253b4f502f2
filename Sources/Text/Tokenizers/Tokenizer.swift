// Tokenizer.swift: text to token ids and back, for every vocabulary alike.
// The way of a text: cut at added tokens, normalize, cut at normalized added tokens, split into
// words, encode each word. Never changes after `init` but for the scratch memory it lends out.
import Core
import Synchronization

/// An immutable tokenizer, callable from any thread.
public final class Tokenizer: Sendable {
    enum Model: Sendable {
        case merges(MergeModel)
        case unigram(UnigramModel)
        case wordPiece(WordPieceModel)
    }

    let model: Model
    private let rawTokens: AddedTokenMatcher
    private let normalizedTokens: AddedTokenMatcher
    private let normalizer: Normalizer
    private let splitter: Splitter
    /// What each token shows as.
    private let surfaces: PieceTable
    private let special: FrozenArray<Bool>
    private let continuations: FrozenArray<Bool>
    private let leadingSpace: TokenizerDescription.LeadingSpace
    private let joinsWords: Bool
    private let prefix: [TokenID]
    private let suffix: [TokenID]
    private let idle: Mutex<[EncodeScratch]>

    /// Idle scratch memories kept; more callers at once make their own and drop them.
    private static let idleMax = 4

    public let vocabularySize: Int
    public let beginOfSequence: TokenID?
    /// Tokens that end a turn or a text: eos, eot, eom.
    public let endTokens: Set<TokenID>

    /// Builds the look-up tables. Cost: about 100 ns per token and 150 ns per merge.
    public init(_ description: TokenizerDescription) throws(TokenizerError) {
        try description.check()
        vocabularySize = description.tokens.count
        beginOfSequence = description.beginOfSequence
        endTokens = description.endTokens
        prefix = description.prefix
        suffix = description.suffix
        leadingSpace = description.leadingSpace
        if case .words = description.surface { joinsWords = true } else { joinsWords = false }
        normalizer = Normalizer(steps: description.normalizer)
        let hasSteps = !description.normalizer.isEmpty
        let late = description.added.filter { hasSteps && $0.isNormalized && !$0.isSpecial }
        rawTokens = AddedTokenMatcher(
            description.added.filter { !(hasSteps && $0.isNormalized && !$0.isSpecial) })
        normalizedTokens = AddedTokenMatcher(late.map { Self.marked($0, description.surface) })
        let builder = TokenizerBuilder(description)
        model = try builder.model()
        splitter = Splitter(stages: builder.stages())
        surfaces = PieceTable(builder.surfaces()) { _ in false }
        special = FrozenArray(builder.specialFlags())
        continuations = FrozenArray(description.kinds.map { $0 == .continuation })
        idle = Mutex([])
    }

    /// Normalized text has marks for spaces, so what is looked for in it has too.
    private static func marked(_ token: AddedToken, _ surface: TokenizerDescription.Surface)
        -> AddedToken
    {
        guard case .marks = surface else { return token }
        var token = token
        token.content = token.content.flatMap { $0 == 0x20 ? Normalizer.mark : [$0] }
        return token
    }

    /// Whether `encode` with `addSpecial` begins with the begin-of-sequence token.
    public var addsBeginOfSequence: Bool { beginOfSequence.map { prefix.contains($0) } ?? false }

    /// The ids of a text.
    /// - addSpecial: puts the model's begin and end tokens around it.  parseSpecial: special tokens
    ///   written in the text become their ids; without it they are ordinary text.
    /// - Cost: linear in common text, n log n at worst.
    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [TokenID] {
        var scratch = idle.withLock { $0.popLast() } ?? EncodeScratch()
        scratch.output.removeAll(keepingCapacity: true)
        if addSpecial { scratch.output += prefix }
        var text = text
        text.withUTF8 { encode($0, parseSpecial: parseSpecial, &scratch) }
        if addSpecial { scratch.output += suffix }
        let ids = Array(scratch.output[...])
        scratch.trim()
        idle.withLock { [scratch] in if $0.count < Self.idleMax { $0.append(scratch) } }
        return ids
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, _ scratch: inout EncodeScratch
    ) {
        if rawTokens.isEmpty(withSpecial: parseSpecial) {
            encodeSegment(text, isFirst: true, parseSpecial: parseSpecial, &scratch)
            return
        }
        rawTokens.cut(text, withSpecial: parseSpecial) { range, token in
            if let token {
                scratch.output.append(token)
            } else {
                let segment = UnsafeBufferPointer(rebasing: text[range])
                encodeSegment(
                    segment, isFirst: range.lowerBound == 0, parseSpecial: parseSpecial, &scratch)
            }
        }
    }

    /// Encodes text that holds no raw added token.
    private func encodeSegment(
        _ text: UnsafeBufferPointer<UInt8>, isFirst: Bool, parseSpecial: Bool,
        _ scratch: inout EncodeScratch
    ) {
        if text.isEmpty { return }
        if normalizer.steps.isEmpty {
            encodeNormalized(text, parseSpecial: parseSpecial, &scratch)
        } else {
            normalizer.apply(text, isFirst: isFirst).withUnsafeBufferPointer {
                encodeNormalized($0, parseSpecial: parseSpecial, &scratch)
            }
        }
    }

    private func encodeNormalized(
        _ text: UnsafeBufferPointer<UInt8>, parseSpecial: Bool, _ scratch: inout EncodeScratch
    ) {
        if normalizedTokens.isEmpty(withSpecial: parseSpecial) {
            encodeWords(text, &scratch)
            return
        }
        normalizedTokens.cut(text, withSpecial: parseSpecial) { range, token in
            if let token {
                scratch.output.append(token)
            } else {
                encodeWords(UnsafeBufferPointer(rebasing: text[range]), &scratch)
            }
        }
    }

    private func encodeWords(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout EncodeScratch) {
        guard let base = text.baseAddress, !text.isEmpty else { return }
        let view = SplitText(base, count: text.count)
        switch model {
        case .merges(let model):
            splitter.split(view, 0, text.count) { model.encode(base + $0, $1 - $0, &scratch) }
        case .unigram(let model):
            splitter.split(view, 0, text.count) { model.encode(base + $0, $1 - $0, &scratch) }
        case .wordPiece(let model):
            splitter.split(view, 0, text.count) { model.encode(base + $0, $1 - $0, &scratch) }
        }
    }

    /// The bytes a token adds to the output; a special token's are its text. Ids outside the
    /// vocabulary have none: models pad their logits, so such an id can be sampled.
    public func bytes(of token: TokenID) -> [UInt8] {
        isKnown(token) ? Array(surfaces.bytes(of: token)) : []
    }

    @inline(__always)
    private func isKnown(_ token: TokenID) -> Bool { token >= 0 && Int(token) < vocabularySize }

    /// Whether the token is structure that people do not read. False outside the vocabulary.
    public func isSpecial(_ token: TokenID) -> Bool {
        isKnown(token) && special.base[Int(token)]
    }

    /// The token as text, with U+FFFD for bytes that are no character on their own.
    public func text(of token: TokenID) -> String {
        String(decoding: bytes(of: token), as: UTF8.self)
    }

    /// The token whose text this is, when there is one: `<|im_end|>`, `hello`.
    public func token(of text: String) -> TokenID? {
        let ids = encode(text, addSpecial: false, parseSpecial: true)
        guard ids.count == 1, let id = ids.first else { return nil }
        return bytes(of: id).elementsEqual(text.utf8) ? id : nil
    }

    /// The text of these tokens, as one whole: a space that encoding put before it is taken off.
    public func decode(_ tokens: [TokenID], skipSpecial: Bool) -> String {
        var surface = TokenSurface(isAtStart: true)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tokens.count * 4)
        for token in tokens where !(skipSpecial && isSpecial(token)) {
            append(token, to: &bytes, &surface)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends what `token` shows as after the tokens that `surface` has seen.
    func append(_ token: TokenID, to bytes: inout [UInt8], _ surface: inout TokenSurface) {
        guard isKnown(token) else { return }
        var text = surfaces.bytes(of: token)
        let isSpecial = special.base[Int(token)]
        if joinsWords {
            if surface.hasText, !continuations.base[Int(token)] { bytes.append(0x20) }
        } else if surface.dropsSpace, !isSpecial {
            if leadingSpace != .kept, text.first == 0x20, token != unknownWithSpace {
                text = UnsafeBufferPointer(rebasing: text.dropFirst())
            }
            if leadingSpace != .allDropped || !text.isEmpty { surface.dropsSpace = false }
        }
        surface.hasText = surface.hasText || !text.isEmpty
        bytes.append(contentsOf: text)
    }

    /// The unknown token's own spaces are part of how it shows.
    private var unknownWithSpace: TokenID {
        switch model {
        case .merges(let model): model.unknown.unknownToken
        case .unigram(let model): model.unknown.unknownToken
        case .wordPiece: -1
        }
    }
}
