// HuggingFaceDirectoryTests.swift: directories of weights, index and side files.

import Checkpoints
import Core
import JSON
import Testing

@Suite struct HuggingFaceDirectoryTests {
    let folder = TemporaryFolder()

    func write(_ text: String, as name: String) { _ = folder.write(Array(text.utf8), as: name) }

    /// A directory with configuration and one weight file of one tensor `w`.
    func writeModel() {
        write("{\"model_type\":\"llama\",\"limit\":Infinity,\"odd\":NaN}", as: "config.json")
        writeShard("model.safetensors", tensors: ["w"])
    }

    func writeShard(_ name: String, tensors: [String]) {
        var writer = SafetensorsWriter()
        for tensor in tensors { writer.add(tensor, "U8", [2], [1, 2]) }
        _ = folder.write(writer.encoded, as: name)
    }

    func writeIndex(_ map: String) {
        write(
            "{\"metadata\":{\"total_size\":4},\"weight_map\":\(map)}",
            as: "model.safetensors.index.json")
    }

    @Test func `a single weight file and its side files are read`() throws {
        writeModel()
        write("{\"eos_token_id\":[1,2]}", as: "generation_config.json")
        write("{\"model\":{\"type\":\"BPE\"}}", as: "tokenizer.json")
        write("{\"bos_token\":\"<s>\",\"chat_template\":\"{{ a }}\"}", as: "tokenizer_config.json")
        let checkpoint = try Checkpoint.open(folder.path)
        #expect(checkpoint.container == .huggingFace)
        #expect(checkpoint.configuration?["model_type"]?.stringValue == "llama")
        #expect(checkpoint.configuration?["limit"]?.doubleValue == .infinity)
        #expect(checkpoint.generationConfiguration?["eos_token_id"]?[1]?.intValue == 2)
        #expect(checkpoint.tokenizer?["model"]?["type"]?.stringValue == "BPE")
        #expect(checkpoint.tokenizerConfiguration?["bos_token"]?.stringValue == "<s>")
        #expect(checkpoint.chatTemplate == "{{ a }}")
        #expect(checkpoint.metadata.isEmpty)
        #expect(checkpoint.tensor("w").map { Array($0.bytes) } == [1, 2])
    }

    @Test func `end tokens are those of both configurations, single or listed`() throws {
        writeModel()
        write("{\"eos_token_id\":[1,2]}", as: "generation_config.json")
        write("{\"eos_token_id\":7,\"text_config\":{\"eos_token_id\":null}}", as: "config.json")
        #expect(try Checkpoint.open(folder.path).endTokens == [1, 2, 7])
        write("{}", as: "config.json")
        #expect(try Checkpoint.open(folder.path).endTokens == [1, 2])
    }

    @Test func `a template file goes before the other places`() throws {
        writeModel()
        write("{\"chat_template\":\"settings\"}", as: "tokenizer_config.json")
        #expect(try Checkpoint.open(folder.path).chatTemplate == "settings")
        write("{\"chat_template\":\"json\"}", as: "chat_template.json")
        #expect(try Checkpoint.open(folder.path).chatTemplate == "json")
        write("jinja\n", as: "chat_template.jinja")
        #expect(try Checkpoint.open(folder.path).chatTemplate == "jinja\n")
    }

    @Test func `named templates are kept by name`() throws {
        writeModel()
        let list =
            "[{\"name\":\"default\",\"template\":\"d\"},{\"name\":\"tool_use\",\"template\":\"t\"}]"
        write("{\"chat_template\":\(list)}", as: "tokenizer_config.json")
        let checkpoint = try Checkpoint.open(folder.path)
        #expect(checkpoint.chatTemplate == "d")
        #expect(checkpoint.chatTemplates["tool_use"] == "t")
    }

    @Test func `a missing template is nil`() throws {
        writeModel()
        #expect(try Checkpoint.open(folder.path).chatTemplate == nil)
    }

    @Test func `a template of another form is refused`() {
        writeModel()
        write("{\"chat_template\":5}", as: "tokenizer_config.json")
        #expect(refusal(of: folder.path)?.subject == .key("chat_template"))
    }

    @Test func `sharded weights are found through the index`() throws {
        writeModel()
        try folder.remove("model.safetensors")
        writeShard("one.safetensors", tensors: ["a", "b"])
        writeShard("two.safetensors", tensors: ["c"])
        writeIndex(
            "{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\",\"c\":\"two.safetensors\"}")
        let checkpoint = try Checkpoint.open(folder.path)
        #expect(checkpoint.tensors.count == 3)
        #expect(checkpoint.mappings.count == 2)
    }

    @Test func `an index that names the wrong file is refused`() throws {
        writeModel()
        try folder.remove("model.safetensors")
        writeShard("one.safetensors", tensors: ["a"])
        writeIndex("{\"a\":\"one.safetensors\",\"b\":\"one.safetensors\"}")
        let error = refusal(of: folder.path)
        #expect(error?.subject == .tensor("b"))
        #expect(error?.fault == .missingTensor(file: "one.safetensors"))
    }

    @Test func `a tensor in two files is refused`() throws {
        writeModel()
        try folder.remove("model.safetensors")
        writeShard("one.safetensors", tensors: ["a"])
        writeShard("two.safetensors", tensors: ["a", "b"])
        writeIndex("{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}")
        #expect(refusal(of: folder.path)?.fault == .duplicate)
    }

    @Test(arguments: ["../x.safetensors", "/etc/passwd", "a/b", "..", ".", "", "a\\u0000b"])
    func `an index cannot name a file elsewhere`(name: String) throws {
        writeModel()
        try folder.remove("model.safetensors")
        writeIndex("{\"a\":\"\(name)\"}")
        guard case .unsafeFileName = refusal(of: folder.path)?.fault else {
            Issue.record("\(name) was not refused")
            return
        }
    }

    @Test(arguments: ["null", "[]", "{}", "{\"a\":1}"])
    func `an index of another form is refused`(map: String) throws {
        writeModel()
        try folder.remove("model.safetensors")
        writeIndex(map)
        guard case .wrongKind = refusal(of: folder.path)?.fault else {
            Issue.record("\(map) was not refused")
            return
        }
    }

    @Test func `a directory without configuration is refused by that name`() {
        writeShard("model.safetensors", tensors: ["w"])
        #expect(refusal(of: folder.path)?.fault == .missingFile("config.json"))
    }

    @Test func `a directory without weights is refused by their names`() throws {
        writeModel()
        try folder.remove("model.safetensors")
        let names = "model.safetensors or model.safetensors.index.json"
        #expect(refusal(of: folder.path)?.fault == .missingFile(names))
    }

    @Test func `an empty configuration is refused`() {
        writeModel()
        write("", as: "config.json")
        let error = refusal(of: folder.path)
        #expect(error?.fault == .empty)
        #expect(error?.path == folder.path + "/config.json")
    }

    @Test(arguments: ["[]", "3", "\"x\""])
    func `a configuration that is no object is refused`(text: String) {
        writeModel()
        write(text, as: "config.json")
        #expect(refusal(of: folder.path)?.fault == .wrongKind(expected: "an object"))
    }

    @Test func `a broken side file is refused with its name and byte`() {
        writeModel()
        write("{\"a\": }", as: "tokenizer.json")
        let error = refusal(of: folder.path)
        #expect(error?.path == folder.path + "/tokenizer.json")
        #expect(error?.offset == 6)
    }
}
