// GenerationFields.swift: the fields that chat and plain completions share, read and checked.
// What a request leaves out comes from the model's own recommendations, then from the API's defaults.
import Core
import Engine
import JSON
import Service
import Text

struct GenerationFields: Sendable {
    /// Cannot change the output, so they are taken and forgotten.
    static let ignored: Set<String> = [
        "user", "store", "metadata", "service_tier", "parallel_tool_calls", "safety_identifier",
        "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "prediction", "request_id",
    ]

    var sampling = SamplingParameters()
    /// `nil`: as many as the context leaves room for.
    var tokensMax: Int?
    var tokensMin = 0
    var stopTokens: Set<TokenID> = []
    var text = TextRules()
    var choices = 1
    var isStreamed = false
    var includesUsage = false
    var priority = 0
    var cacheSalt: String?
    var returnsTokenIDs = false
    var addsSpecial: Bool?
    /// Keeps the last that many prompt tokens.
    var promptTokensKept: Int?

    init(_ fields: inout RequestFields, endpoint: Endpoint, model: ServedModel) throws(APIError) {
        let facts = model.engine.facts
        try readSampling(&fields, model)
        try readTokenRules(&fields, model)
        try readStopping(&fields, model)
        choices = try fields.integer("n", in: 1...min(endpoint.limits.choicesMax, facts.choicesMax)) ?? 1
        try readStreaming(&fields)
        priority = try fields.integer("priority", in: FieldLimits.priority) ?? 0
        cacheSalt = try fields.string("cache_salt", bytesMax: FieldLimits.saltBytesMax, mayBeEmpty: false)
        returnsTokenIDs = try fields.boolean("return_token_ids") ?? false
        addsSpecial = try fields.boolean("add_special_tokens")
        for name in Self.ignored { _ = fields.value(name) }
        try UnsupportedFields.check(&fields)
    }

    private mutating func readSampling(
        _ fields: inout RequestFields, _ model: ServedModel
    ) throws(APIError) {
        let defaults = model.defaults
        sampling.temperature =
            try fields.float("temperature", in: FieldLimits.temperature) ?? defaults.temperature ?? 1
        // A top_p of 0 means the most likely token; the smallest positive share says just that.
        let topP = try fields.float("top_p", in: 0...1) ?? defaults.topP ?? 1
        sampling.topP = max(topP, .leastNormalMagnitude)
        let topK = try fields.integer("top_k", in: -1...Int.max) ?? defaults.topK ?? 0
        sampling.topK = topK < 0 || topK >= model.engine.facts.vocabularySize ? 0 : topK
        sampling.minP = try fields.float("min_p", in: 0...1) ?? defaults.minP ?? 0
        sampling.repetitionPenalty =
            try fields.float("repetition_penalty", in: FieldLimits.repetitionPenalty)
            ?? defaults.repetitionPenalty ?? 1
        sampling.frequencyPenalty = try fields.float("frequency_penalty", in: FieldLimits.penalty) ?? 0
        sampling.presencePenalty = try fields.float("presence_penalty", in: FieldLimits.penalty) ?? 0
        if let seed = try fields.integer("seed", in: Int.min...Int.max) {
            sampling.seed = UInt64(bitPattern: Int64(seed))
        } else {
            sampling.seed = UInt64.random(in: .min ... .max)
        }
        sampling.promptLogprobs = try fields.integer("prompt_logprobs", in: 0...FieldLimits.logprobsMax)
    }

    private mutating func readTokenRules(
        _ fields: inout RequestFields, _ model: ServedModel
    ) throws(APIError) {
        let size = model.engine.facts.vocabularySize
        sampling.logitBias = try Self.biases(&fields, vocabularySize: size)
        if let allowed = try fields.tokens("allowed_token_ids", vocabularySize: size, countMax: size) {
            guard !allowed.isEmpty else {
                throw .outOfRange("allowed_token_ids", "an empty array", limit: "allowed")
            }
            sampling.allowedTokens = Set(allowed)
        }
        let words = try fields.strings(
            "bad_words", countMax: FieldLimits.badWordsMax, bytesMax: FieldLimits.stopBytesMax)
        sampling.badWords = (words ?? []).flatMap { Self.tokenSequences(of: $0, model.tokenizer) }
        let context = model.contextMax
        let kept = try fields.integer("truncate_prompt_tokens", in: -1...context)
        guard kept != 0 else {
            throw .outOfRange("truncate_prompt_tokens", "0", limit: "-1, or between 1 and \(context)")
        }
        promptTokensKept = kept
    }

    private mutating func readStopping(
        _ fields: inout RequestFields, _ model: ServedModel
    ) throws(APIError) {
        let size = model.engine.facts.vocabularySize
        let own = try fields.tokens(
            "stop_token_ids", vocabularySize: size, countMax: FieldLimits.stopTokensMax)
        stopTokens = Set(own ?? [])
        if try fields.boolean("ignore_eos") != true { stopTokens.formUnion(model.tokenizer.endTokens) }
        tokensMin = try fields.integer("min_tokens", in: 0...model.contextMax) ?? 0
        text.tokensMin = tokensMin
        text.includesStop = try fields.boolean("include_stop_str_in_output") ?? false
        text.skipsSpecial = try fields.boolean("skip_special_tokens") ?? true
        if fields.object["stop"]?.stringValue != nil {
            let stop = try fields.string("stop", bytesMax: FieldLimits.stopBytesMax, mayBeEmpty: false)
            text.stopStrings = stop.map { [$0] } ?? []
        } else {
            text.stopStrings =
                try fields.strings(
                    "stop", countMax: FieldLimits.stopsMax, bytesMax: FieldLimits.stopBytesMax) ?? []
        }
    }

    private mutating func readStreaming(_ fields: inout RequestFields) throws(APIError) {
        isStreamed = try fields.boolean("stream") ?? false
        guard let object = try fields.object("stream_options") else { return }
        guard isStreamed else {
            throw .invalid("stream_options", "'stream_options' is only allowed when 'stream' is true.")
        }
        var options = RequestFields(object, path: "stream_options.")
        includesUsage = try options.boolean("include_usage") ?? false
        _ = try options.boolean("include_obfuscation")
        try options.refuseUnread()
    }

    /// Reads the most tokens to generate. - least: 0 where a prompt may be scored only.
    mutating func readTokensMax(
        _ fields: inout RequestFields, names: [String], least: Int, otherwise: Int?, endpoint: Endpoint,
        model: ServedModel
    ) throws(APIError) {
        let limit = endpoint.limits.outputTokensMax
        var asked: Int?
        for name in names {
            guard let value = try fields.integer(name, in: least...(limit ?? .max)) else { continue }
            asked = asked ?? value
        }
        tokensMax = asked ?? model.defaults.tokensMax ?? otherwise
        if let limit { tokensMax = min(tokensMax ?? limit, limit) }
        if let tokensMax, tokensMin > tokensMax {
            throw .outOfRange("min_tokens", "\(tokensMin)", limit: "at most \(names[0]), which is \(tokensMax)")
        }
    }

    /// The plan for one prompt, if it fits.
    func plan(
        for prompt: [TokenID], choices: Int, endpoint: Endpoint, model: ServedModel
    ) throws(APIError) -> GenerationPlan {
        let context = model.contextMax
        let room = tokensMax == 0 ? context : context - 1
        guard !prompt.isEmpty else { throw APIError(AdmissionError.promptEmpty) }
        guard prompt.count <= room else {
            throw .promptTooLong(tokens: prompt.count, limit: room, context: context)
        }
        if let limit = endpoint.limits.promptTokensMax, prompt.count > limit {
            throw .promptTooLong(tokens: prompt.count, endpoint: endpoint.name, limit: limit)
        }
        let rest = context - prompt.count
        var stopping = StoppingRules(tokensMax: min(tokensMax ?? rest, rest))
        stopping.tokensMin = min(tokensMin, stopping.tokensMax)
        stopping.stopTokens = stopTokens
        var plan = GenerationPlan(prompt: prompt, stopping: stopping)
        plan.choices = choices
        plan.sampling = sampling
        plan.text = text
        plan.priority = priority
        plan.cacheSalt = cacheSalt
        return plan
    }

    /// How many prompt tokens to keep, if the caller wants the prompt shortened; -1 leaves room for the answer.
    func promptTokensKept(context: Int) -> Int? {
        guard let promptTokensKept else { return nil }
        return promptTokensKept > 0 ? promptTokensKept : max(context - min(tokensMax ?? 1, context - 1), 1)
    }

    private static func biases(
        _ fields: inout RequestFields, vocabularySize: Int
    ) throws(APIError) -> [TokenID: Float] {
        guard let object = try fields.object("logit_bias") else { return [:] }
        guard object.count <= FieldLimits.biasesMax else {
            throw .outOfRange("logit_bias", "\(object.count) entries", limit: "at most \(FieldLimits.biasesMax)")
        }
        var biases: [TokenID: Float] = [:]
        for (key, value) in object {
            guard let token = Int(key), (0..<vocabularySize).contains(token) else {
                throw .outOfRange(
                    "logit_bias", "key '\(key.prefix(32))'",
                    limit: "a token id between 0 and \(vocabularySize - 1)")
            }
            guard let bias = value.doubleValue else {
                throw .wrongType("logit_bias.\(key)", expected: "a number", got: value)
            }
            guard FieldLimits.bias.contains(bias) else {
                throw .outOfRange("logit_bias.\(key)", "\(bias)", limit: "between -100 and 100")
            }
            biases[TokenID(token)] = Float(bias)
        }
        return biases
    }

    /// A word as it may stand at the start of a text and, where that is as short, after a space.
    private static func tokenSequences(of word: String, _ tokenizer: Tokenizer) -> [[TokenID]] {
        let plain = tokenizer.encode(word, addSpecial: false, parseSpecial: false)
        let trimmed = String(word.drop(while: { $0 == " " }))
        let spaced = tokenizer.encode(" " + trimmed, addSpecial: false, parseSpecial: false)
        let isOther = spaced.count == plain.count && spaced.first != plain.first
        return (isOther ? [plain, spaced] : [plain]).filter { !$0.isEmpty }
    }
}
