// SettingsReader.swift: defaults, then the file, then variables, then flags; later wins.
// Pure but for reading the one file it is told of.
import Engine

enum SettingsReader {
    /// Variables that begin with TOKENMILL_ and are not settings.
    private static let otherVariables: Set<String> = [
        "TOKENMILL_CONFIG", "TOKENMILL_CONFORMANCE", "TOKENMILL_MODELS", "TOKENMILL_KERNELS",
    ]

    /// - file: the settings file; `nil` falls back to TOKENMILL_CONFIG, and then to none.
    /// - overrides: flags as key and text, in order.
    /// - Returns the settings, and variables that look like settings and are none. Those are for a
    ///   warning: orchestrators inject variables of the service's own name.
    static func read(
        file: String?, environment: [String: String],
        overrides: [(flag: String, key: String, text: String)]
    ) throws(SettingsError) -> (settings: Settings, unknownVariables: [String]) {
        var settings = Settings()
        if let path = file ?? environment["TOKENMILL_CONFIG"] {
            try SettingsFile.read(path, into: &settings)
        }
        let table = SettingsTable<Settings>.server
        for setting in table.settings {
            guard let text = environment[setting.variable] else { continue }
            try table.assign(setting.key, text: text, place: setting.variable, to: &settings)
        }
        for (flag, key, text) in overrides {
            try table.assign(key, text: text, place: flag, to: &settings)
        }
        try check(settings)
        try checkModels(settings)
        let known = Set(table.settings.map(\.variable)).union(otherVariables)
        let unknown = environment.keys.filter { $0.hasPrefix("TOKENMILL_") && !known.contains($0) }
        return (settings, unknown.sorted())
    }

    /// Endpoints may only name what is served here.
    private static func checkModels(_ settings: Settings) throws(SettingsError) {
        guard !settings.model.path.isEmpty || !settings.model.name.isEmpty else { return }
        let served = ModelLoader(settings: settings).name
        for endpoint in settings.endpoints where !["", served].contains(endpoint.model) {
            throw .contradiction(
                "\(endpoint.modelPlace): endpoint '\(endpoint.name)' is for the model "
                    + "'\(endpoint.model)', and '\(served)' is the one served; see model.name")
        }
    }

    private static func check(_ settings: Settings) throws(SettingsError) {
        let listen = settings.listen
        guard listen.tlsCertificate.isEmpty == listen.tlsKey.isEmpty else {
            let missing = listen.tlsKey.isEmpty ? "listen.tls_key" : "listen.tls_certificate"
            throw .contradiction("TLS needs a certificate and a key: '\(missing)' is empty")
        }
        let limits = settings.engine.limits
        guard limits.stepTokensMax > limits.sequencesMax else {
            throw .contradiction(
                "engine.step_tokens_max is \(limits.stepTokensMax), and must be above "
                    + "engine.sequences_max, which is \(limits.sequencesMax)")
        }
        let choices = settings.engine.choicesMax
        guard choices <= limits.sequencesMax else {
            throw .contradiction(
                "engine.choices_max is \(choices), above engine.sequences_max, which is "
                    + "\(limits.sequencesMax)")
        }
        guard [16, 32, 64].contains(settings.engine.pageTokens) else {
            throw .contradiction(
                "engine.page_tokens is \(settings.engine.pageTokens), and must be 16, 32 or 64")
        }
    }
}
