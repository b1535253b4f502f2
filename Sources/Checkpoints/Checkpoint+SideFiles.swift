// Checkpoint+SideFiles.swift: what lies beside the tensors of a Hugging Face directory.

import JSON

extension Checkpoint {
    /// `config.json`; never nil for a Hugging Face directory.
    public var configuration: JSONValue? { sideFiles?.configuration }
    public var generationConfiguration: JSONValue? { sideFiles?.generationConfiguration }
    /// `tokenizer.json`.
    public var tokenizer: JSONValue? { sideFiles?.tokenizer }
    public var tokenizerConfiguration: JSONValue? { sideFiles?.tokenizerConfiguration }

    /// `eos_token_id` of generation_config.json and config.json, each a number or a list.
    public var endTokens: [Int] {
        let texts = [generationConfiguration, configuration, configuration?["text_config"]]
        let stated = texts.compactMap { $0?["eos_token_id"] }
        return stated.flatMap { value in
            (value.arrayValue ?? [value]).compactMap(\.intValue)
        }
    }

    /// The Jinja source that a conversation is rendered with, from either container.
    public var chatTemplate: String? { chatTemplates["default"] }

    /// Every chat template by name; the unnamed one is "default".
    public var chatTemplates: [String: String] {
        guard let sideFiles else { return ggufChatTemplates }
        return sideFiles.chatTemplates
    }

    private var ggufChatTemplates: [String: String] {
        let key = "tokenizer.chat_template"
        var templates: [String: String] = [:]
        for (name, value) in metadata where name.hasPrefix(key) {
            guard let source = value.stringValue else { continue }
            if name == key { templates["default"] = source }
            if name.hasPrefix(key + ".") {
                templates[String(name.dropFirst(key.count + 1))] = source
            }
        }
        return templates
    }
}
