// SettingsReaderTests.swift: file, variables and flags, and which of them wins.
import Engine
import Foundation
import Testing
@testable import tokenmill

struct SettingsReaderTests {
    private func temporary(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "/settings-\(UUID().uuidString).yaml"
        try text.write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }

    @Test func `later sources win`() throws {
        let file = try temporary("listen: {port: 1, host: a}\nlog: {format: json}")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let environment = ["TOKENMILL_LISTEN_PORT": "2", "TOKENMILL_LISTEN_HOST": "b"]
        let (settings, unknown) = try SettingsReader.read(
            file: file, environment: environment, overrides: [("--port", "listen.port", "3")])
        #expect(settings.listen.port == 3)
        #expect(settings.listen.host == "b")
        #expect(settings.log.format == .json)
        #expect(unknown.isEmpty)
    }

    @Test func `a variable names the file when no flag does`() throws {
        let file = try temporary("listen: {port: 9}")
        defer { try? FileManager.default.removeItem(atPath: file) }
        let read = try SettingsReader.read(
            file: nil, environment: ["TOKENMILL_CONFIG": file], overrides: [])
        #expect(read.settings.listen.port == 9)
    }

    @Test func `a wrong variable or flag is named`() {
        #expect(
            throws: SettingsError.wrongType(
                place: "TOKENMILL_LISTEN_PORT", key: "listen.port", found: "'tcp://10.0.0.1'",
                expected: "a whole number from 0 to 65535")
        ) {
            try SettingsReader.read(
                file: nil, environment: ["TOKENMILL_LISTEN_PORT": "tcp://10.0.0.1"], overrides: [])
        }
        #expect(
            throws: SettingsError.unknownKey(
                place: "--set", key: "listen.porf", nearest: "listen.port")
        ) {
            try SettingsReader.read(
                file: nil, environment: [:], overrides: [("--set", "listen.porf", "1")])
        }
    }

    @Test func `unknown variables are reported, not refused`() throws {
        let read = try SettingsReader.read(
            file: nil, environment: ["TOKENMILL_SERVICE_PORT": "1", "TOKENMILL_MODELS": "/x"],
            overrides: [])
        #expect(read.unknownVariables == ["TOKENMILL_SERVICE_PORT"])
    }

    @Test func `a certificate without a key is a contradiction`() {
        #expect(
            throws: SettingsError.contradiction(
                "TLS needs a certificate and a key: 'listen.tls_key' is empty")
        ) {
            try SettingsReader.read(
                file: nil, environment: ["TOKENMILL_LISTEN_TLS_CERTIFICATE": "c.pem"],
                overrides: [])
        }
    }

    @Test func `fewer sequences mean fewer choices unless choices are asked for`() throws {
        func read(_ assignments: [String: String]) throws -> Settings {
            try SettingsReader.read(
                file: nil, environment: [:], overrides: assignments.map { ("--set", $0.key, $0.value) }
            ).settings
        }
        #expect(try read(["engine.sequences_max": "16"]).engine.choicesMax == 0)
        let both = ["engine.sequences_max": "16", "engine.choices_max": "8"]
        #expect(try read(both).engine.limits.choicesMax == 8)
        #expect(
            throws: SettingsError.contradiction(
                "engine.choices_max is 17, above engine.sequences_max, which is 16")
        ) { try read(["engine.sequences_max": "16", "engine.choices_max": "17"]) }
    }

    @Test(arguments: ["", "tiny"]) func `an endpoint is for the model that is served`(model: String) throws {
        let file = try temporary("model: {path: /m/tiny.gguf}\nendpoints: [{name: a, model: \"\(model)\"}]")
        defer { try? FileManager.default.removeItem(atPath: file) }
        #expect(try SettingsReader.read(file: file, environment: [:], overrides: []).settings.endpoints.count == 1)
        // Whatever names the model last decides.
        let renamed = [(flag: "--set", key: "model.name", text: "other")]
        guard !model.isEmpty else { return }
        #expect(
            throws: SettingsError.contradiction(
                "\(file):2:30: endpoint 'a' is for the model 'tiny', and 'other' is the one served; "
                    + "see model.name")
        ) { try SettingsReader.read(file: file, environment: [:], overrides: renamed) }
    }

    @Test func `lists in variables are separated by commas`() throws {
        let read = try SettingsReader.read(
            file: nil, environment: ["TOKENMILL_HTTP_CORS_ORIGINS": "https://a, https://b"],
            overrides: [])
        #expect(read.settings.http.corsOrigins == ["https://a", "https://b"])
    }

    @Test func `every variable is one of its own`() {
        let variables = SettingsTable<Settings>.server.settings.map(\.variable)
        #expect(Set(variables).count == variables.count)
    }
}
