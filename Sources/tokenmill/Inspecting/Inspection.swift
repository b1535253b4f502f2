// Inspection.swift: a checkpoint in words: sections of labelled facts, as text or as JSON.
// It only reads; a checkpoint that cannot be served is still shown, with the reason.
import Checkpoints
import Compute
import Core
import Foundation
import JSON
import Models
import Text

struct Inspection {
    struct Fact {
        let label: String
        let value: JSONValue
        /// For people; the value itself where `nil`.
        var words: String?
    }

    struct Section {
        let title: String
        var facts: [Fact] = []

        mutating func add(_ label: String, _ value: Int) {
            facts.append(Fact(label: label, value: .integer(value)))
        }

        mutating func add(_ label: String, _ value: String) {
            facts.append(Fact(label: label, value: .string(value)))
        }

        mutating func add(_ label: String, bytes: Int) {
            facts.append(
                Fact(label: label, value: .integer(bytes), words: ByteSize.about(bytes)))
        }
    }

    private(set) var sections: [Section]

    init(_ checkpoint: Checkpoint, listsTensors: Bool) {
        sections = [Self.file(checkpoint)]
        do throws(ModelError) {
            let configuration = try DecoderConfiguration(checkpoint)
            sections.append(Self.model(configuration))
            sections.append(Self.needs(configuration, checkpoint))
        } catch {
            var section = Section(title: "model")
            section.add("cannot be served", "\(error)")
            sections.append(section)
        }
        sections.append(Self.tokenizer(checkpoint))
        if listsTensors { sections.append(Self.tensors(checkpoint)) }
    }

    var text: String {
        var lines: [String] = []
        for section in sections {
            lines.append(section.title)
            let width = section.facts.map { $0.label.count }.max() ?? 0
            for fact in section.facts {
                let label = fact.label.padding(toLength: width, withPad: " ", startingAt: 0)
                lines.append("  \(label)  \(fact.words ?? Self.words(fact.value))")
            }
            lines.append("")
        }
        return lines.dropLast().joined(separator: "\n") + "\n"
    }

    var json: JSONValue {
        var object = JSONObject()
        for section in sections {
            var facts = JSONObject()
            for fact in section.facts { facts[Self.key(fact.label)] = fact.value }
            object[section.title] = .object(facts)
        }
        return .object(object)
    }

    private static func file(_ checkpoint: Checkpoint) -> Section {
        var section = Section(title: "file")
        section.add("path", checkpoint.path)
        section.add(
            "container", checkpoint.container == .gguf ? "GGUF" : "Hugging Face directory")
        if let name = checkpoint.metadata["general.name"]?.stringValue { section.add("name", name) }
        if let licence = checkpoint.metadata["general.license"]?.stringValue {
            section.add("licence", licence)
        }
        section.add("files", checkpoint.mappings.count)
        section.add("tensors", checkpoint.tensors.count)
        section.add("formats", LoadReport.formats(of: checkpoint))
        section.add(
            "parameters", checkpoint.tensors.values.reduce(0) { $0 + $1.elementCount })
        section.add("tensor bytes", bytes: checkpoint.totalBytes)
        return section
    }

    private static func model(_ configuration: DecoderConfiguration) -> Section {
        var section = Section(title: "model")
        section.add("family", configuration.family.name)
        section.add("layers", configuration.layers)
        section.add("width", configuration.width)
        section.add("feed-forward width", configuration.feedForward)
        section.add("heads", configuration.heads)
        section.add("key-value heads", configuration.kvHeads)
        section.add("head size", configuration.headSize)
        section.add("vocabulary", configuration.vocabularySize)
        section.add("context tokens", configuration.contextLength)
        let windows = configuration.windows.compactMap { $0 }
        if let window = windows.first {
            section.add("sliding window", "\(window) tokens in \(windows.count) layers")
        }
        return section
    }

    /// Of keys and values as they are kept by default; a windowed layer keeps no more than its window.
    private static func needs(
        _ configuration: DecoderConfiguration, _ checkpoint: Checkpoint
    ) -> Section {
        let perLayer = 2 * ComputeMode.auto.cacheElement(headSize: configuration.headSize).partBytes(
            kvHeads: configuration.kvHeads, headSize: configuration.headSize, tokens: 1)
        func cache(_ tokens: Int) -> Int {
            configuration.windows.reduce(0) { $0 + perLayer * min(tokens, $1 ?? tokens) }
        }
        let context = configuration.contextLength
        var section = Section(title: "needs")
        section.add("weights", bytes: checkpoint.totalBytes)
        section.add("cache per token", bytes: perLayer * configuration.layers)
        section.add("cache of one full context", bytes: cache(context))
        section.add("cache of 16 sequences of 1024", bytes: 16 * cache(min(1024, context)))
        section.add(
            "memory for one full context",
            bytes: checkpoint.totalBytes + cache(context) + (64 << 20))
        return section
    }

    private static func tokenizer(_ checkpoint: Checkpoint) -> Section {
        var section = Section(title: "tokenizer")
        if let model = checkpoint.metadata["tokenizer.ggml.model"]?.stringValue {
            section.add("model", model)
        }
        if let pre = checkpoint.metadata["tokenizer.ggml.pre"]?.stringValue {
            section.add("splitter", pre)
        }
        do throws(CommandFailure) {
            let tokenizer = try TextLoader.tokenizer(of: checkpoint)
            section.add("vocabulary", tokenizer.vocabularySize)
            if let begin = tokenizer.beginOfSequence {
                section.add("begin", "\(begin) \(tokenizer.text(of: begin))")
            }
            let ends = tokenizer.endTokens.sorted().map { "\($0) \(tokenizer.text(of: $0))" }
            section.add("end", ends.joined(separator: ", "))
        } catch {
            section.add("cannot be used", error.problem)
        }
        let template = checkpoint.chatTemplate.map { "\($0.utf8.count) bytes" }
        section.add("chat template", template ?? "none")
        return section
    }

    private static func tensors(_ checkpoint: Checkpoint) -> Section {
        var section = Section(title: "tensors")
        for tensor in checkpoint.tensors.values.sorted(by: { $0.name < $1.name }) {
            let shape = tensor.shape.map { "\($0)" }.joined(separator: " x ")
            section.add(tensor.name, "\(tensor.format) [\(shape)]")
        }
        return section
    }

    /// Names come from files that nobody vouches for: no control characters on the terminal.
    private static func words(_ value: JSONValue) -> String {
        let text = value.stringValue ?? value.intValue.map { String($0) } ?? ""
        return String(
            text.unicodeScalars.map {
                $0.value < 0x20 || (0x7F...0x9F).contains($0.value) ? "?" : Character($0)
            })
    }

    private static func key(_ label: String) -> String {
        label.contains(".") ? label : label.replacing(" ", with: "_").replacing("-", with: "_")
    }
}
