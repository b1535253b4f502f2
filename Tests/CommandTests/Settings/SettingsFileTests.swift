// SettingsFileTests.swift: what the YAML reader takes, and where it says the mistake is.
import Foundation
import HTTP
import Scheduling
import Service
import Testing
@testable import tokenmill

struct SettingsFileTests {
    static let documented: URL = {
        var root = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { root.deleteLastPathComponent() }
        return root.appendingPathComponent("Config/tokenmill.yaml")
    }()

    private func read(_ text: String) throws(SettingsError) -> Settings {
        var settings = Settings()
        try SettingsFile(name: "t.yaml").apply(text, to: &settings)
        return settings
    }

    @Test func `the documented file holds exactly the defaults`() throws {
        var settings = Settings()
        // Values that no default has, so that a key missing from the file would show.
        settings.model.path = "unset"
        try SettingsFile.read(Self.documented.path, into: &settings)
        #expect(settings == Settings())
    }

    @Test func `the documented file mentions every key with its default`() throws {
        let text = try String(contentsOf: Self.documented, encoding: .utf8)
        for setting in SettingsTable<Settings>.server.settings {
            let name = setting.key.split(separator: ".").last ?? ""
            let line = "  \(name): \(setting.show(Settings()))"
            #expect(text.contains(line + " "), "\(setting.key): expected a line '\(line) # ...'")
        }
    }

    @Test func `the examples in the documented file are whole and true`() throws {
        let text = try String(contentsOf: Self.documented, encoding: .utf8)
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var example = ""
        for start in ["# api_keys:", "# endpoints:"] {
            let first = try #require(lines.firstIndex { $0 == start })
            let block = lines[first...].prefix { $0.hasPrefix("# ") }
            example += block.map { $0.dropFirst(2) }.joined(separator: "\n") + "\n"
        }
        let settings = try read(example)
        let endpoint = try #require(settings.endpoints.first)
        #expect(endpoint.limits == EndpointLimits())
        #expect(endpoint.scaling == ScalingPolicy())
        #expect(settings.apiKeys.count == 1)
        let keys =
            SettingsTable<EndpointSettings>.endpoint.settings.map(\.key)
            + SettingsTable<APIKey>.apiKey.settings.map(\.key)
        for key in keys {
            let name = key.split(separator: ".").last ?? ""
            #expect(example.contains(" \(name): "), "the example does not show \(key)")
        }
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "{}"])
    func `an empty file changes nothing`(text: String) throws {
        #expect(try read(text) == Settings())
    }

    @Test(arguments: [
        (
            "listen:\n  prot: 80\n",
            "t.yaml:2:3: unknown setting 'listen.prot'; did you mean 'listen.port'?"
        ),
        ("endpoint: []", "t.yaml:1:1: unknown setting 'endpoint'; did you mean 'endpoints'?"),
        ("frobnicate: 1", "t.yaml:1:1: unknown setting 'frobnicate'; see Config/tokenmill.yaml"),
        (
            "listen:\n  port: \"80\"\n",
            "t.yaml:2:9: 'listen.port' is text '80', and must be a whole number from 0 to 65535"
        ),
        (
            "listen: {port: 65536}",
            "t.yaml:1:16: 'listen.port' is integer '65536', "
                + "and must be a whole number from 0 to 65535"
        ),
        (
            "listen: 80",
            "t.yaml:1:9: 'listen' is integer '80', and must be a mapping of keys to values"
        ),
        ("[1]", "t.yaml:1:1: 'the file' is a list of 1, and must be a mapping of keys to values"),
        (
            "model:\n  name: 7",
            "t.yaml:2:9: 'model.name' is integer '7', "
                + "and must be text (quote it if it looks like a number)"
        ),
        (
            "model:\n  name:",
            "t.yaml:2:8: 'model.name' is empty, "
                + "and must be text (quote it if it looks like a number)"
        ),
        (
            "model: {compute: fast}",
            "t.yaml:1:18: 'model.compute' is text 'fast', and must be one of auto, float32"
        ),
        ("a: 1\na: 2\n", "t.yaml:1:1: not readable as YAML: key given twice: a"),
        (
            "endpoints: [{name: a}, {name: a}]",
            "t.yaml:1:24: the name 'a' is taken by another entry"
        ),
        ("endpoints: [{scaling: {}}]", "t.yaml:1:13: 'name' is missing, and must be a name"),
        (
            "endpoints:\n  - name: a\n    scaling: {min_replicas: 2}",
            "t.yaml:2:5: endpoint 'a': min_replicas is 2, above max_replicas, which is 1"
        ),
        (
            "endpoints:\n  - name: a\n    scaling: {load_targets: {load: 2}}",
            "t.yaml:3:30: unknown setting 'scaling.load_targets.load'; "
                + "did you mean 'scaling.load_targets.default'?"
        ),
        ("api_keys: [{name: a}]", "t.yaml:1:12: key 'a' has no secret"),
        ("a: 1\n---\nb: 2\n", "t.yaml: not readable as YAML: more than one document"),
    ])
    func `a mistake is named with its place`(text: String, expected: String) {
        do throws(SettingsError) {
            _ = try read(text)
            Issue.record("accepted: \(text)")
        } catch {
            #expect(error.description == expected)
        }
    }

    @Test(arguments: ["a: [", "\"", "a: b: c", "\t- x", "a: *b", "%YAML 9"])
    func `broken YAML is an error and no crash`(text: String) {
        #expect(throws: SettingsError.self) { try read(text) }
    }

    @Test func `sizes take units`() throws {
        #expect(try read("http: {body_bytes_max: 8MiB}").http.limits.bodyBytesMax == 8 << 20)
        #expect(try read("http: {body_bytes_max: 2048}").http.limits.bodyBytesMax == 2048)
        #expect(throws: SettingsError.self) { try read("http: {body_bytes_max: 8MB}") }
        #expect(throws: SettingsError.self) { try read("http: {body_bytes_max: 9999999999GiB}") }
        #expect(ByteSize.parse("-1") == nil)
        #expect(ByteSize.about(98_400_000) == "93.8 MiB")
    }

    @Test func `naming targets replaces the default one`() throws {
        let text = "endpoints: [{name: a, scaling: {load_targets: {requests_per_second: 5}}}]"
        #expect(try read(text).endpoints.first?.scaling.targets == [.requestsPerSecond: 5])
    }

    @Test func `a file that cannot be read is an error with its path`() {
        var settings = Settings()
        #expect(
            throws: SettingsError.unreadable(path: "/nowhere.yaml", problem: "no such file")
        ) { try SettingsFile.read("/nowhere.yaml", into: &settings) }
    }
}
