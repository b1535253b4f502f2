// HuggingFaceSideFiles.swift: the JSON and template files that describe a model directory.
// config.json must be there; the others may be missing, but what is there must be readable.

import JSON

struct HuggingFaceSideFiles: Sendable {
    let configuration: JSONValue
    let generationConfiguration: JSONValue?
    let tokenizer: JSONValue?
    let tokenizerConfiguration: JSONValue?
    /// By name; the unnamed one is "default".
    let chatTemplates: [String: String]

    init(directory: String) throws(CheckpointError) {
        func file(_ name: String) -> String { directory + "/" + name }
        // Released configurations contain the bare words NaN and Infinity, as Python writes them.
        guard let configuration = try SideFile.json(at: file("config.json"), allowNaN: true) else {
            throw CheckpointError(path: directory, fault: .missingFile("config.json"))
        }
        guard configuration.objectValue != nil else {
            throw CheckpointError(
                path: file("config.json"), fault: .wrongKind(expected: "an object"))
        }
        self.configuration = configuration
        generationConfiguration = try SideFile.json(
            at: file("generation_config.json"), allowNaN: true)
        tokenizer = try SideFile.json(at: file("tokenizer.json"))
        tokenizerConfiguration = try SideFile.json(
            at: file("tokenizer_config.json"), allowNaN: true)
        chatTemplates = try Self.chatTemplates(
            directory: directory, tokenizerConfiguration: tokenizerConfiguration)
    }

    /// A template file goes before a JSON file of templates, and that before tokenizer settings.
    private static func chatTemplates(
        directory: String, tokenizerConfiguration: JSONValue?
    ) throws(CheckpointError) -> [String: String] {
        var templates = try templates(
            in: tokenizerConfiguration, path: directory + "/tokenizer_config.json")
        let jsonPath = directory + "/chat_template.json"
        let fromJSON = try Self.templates(in: try SideFile.json(at: jsonPath), path: jsonPath)
        templates.merge(fromJSON) { $1 }
        if let source = try SideFile.text(at: directory + "/chat_template.jinja") {
            templates["default"] = source
        }
        return templates
    }

    /// `chat_template` is one source, or a list of `{"name": ..., "template": ...}`.
    private static func templates(
        in value: JSONValue?, path: String
    ) throws(CheckpointError) -> [String: String] {
        let key = "chat_template"
        guard let entry = value?[key], entry != .null else { return [:] }
        if let source = entry.stringValue { return ["default": source] }
        guard let list = entry.arrayValue else {
            throw CheckpointError(
                path: path, subject: .key(key),
                fault: .wrongKind(expected: "a string or a list of templates"))
        }
        var templates: [String: String] = [:]
        for item in list {
            guard let name = item["name"]?.stringValue, let source = item["template"]?.stringValue
            else {
                throw CheckpointError(
                    path: path, subject: .key(key),
                    fault: .wrongKind(expected: "entries with name and template"))
            }
            guard templates.updateValue(source, forKey: name) == nil else {
                throw CheckpointError(
                    path: path, subject: .key("\(key).\(name)"), fault: .duplicate)
            }
        }
        return templates
    }
}
