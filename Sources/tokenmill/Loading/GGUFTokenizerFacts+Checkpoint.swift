// GGUFTokenizerFacts+Checkpoint.swift: a GGUF file's metadata as the plain values that Text takes.
// Keys are those of the GGUF specification; their meaning is Text's business.
import Checkpoints
import Text

extension GGUFTokenizerFacts {
    /// `nil` where the file carries no vocabulary.
    init?(_ checkpoint: Checkpoint) {
        let value = { (key: String) in checkpoint.metadata["tokenizer.ggml.\(key)"] }
        guard let model = value("model")?.stringValue,
            let tokens = value("tokens")?.arrayValue?.stringArray
        else { return nil }
        self.init(model: model, tokens: tokens.byteArrays)
        pre = value("pre")?.stringValue
        scores = value("scores")?.arrayValue?.floats
        types = value("token_type")?.arrayValue?.integers?.map { Int32(clamping: $0) }
        merges = value("merges")?.arrayValue?.stringArray?.strings
        bos = value("bos_token_id")?.intValue
        eos = value("eos_token_id")?.intValue
        eot = value("eot_token_id")?.intValue
        eom = value("eom_token_id")?.intValue
        unk = value("unknown_token_id")?.intValue
        // The specification's own spelling.
        sep = value("seperator_token_id")?.intValue
        pad = value("padding_token_id")?.intValue
        addBOS = value("add_bos_token")?.boolValue
        addEOS = value("add_eos_token")?.boolValue
        addSpacePrefix = value("add_space_prefix")?.boolValue
        removeExtraSpaces = value("remove_extra_whitespaces")?.boolValue
        characterMap = value("precompiled_charsmap")?.arrayValue.flatMap { array in
            switch array {
            case .uint8(let bytes): bytes
            case .int8(let bytes): bytes.map { UInt8(bitPattern: $0) }
            default: nil
            }
        }
        chatTemplate = checkpoint.chatTemplate
    }
}
