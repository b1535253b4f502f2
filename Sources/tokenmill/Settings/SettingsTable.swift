// SettingsTable.swift: the keys of the settings, once; files, variables and flags all go by it.
import Compute
import Engine
import HTTP
import Scheduling
import Service

/// Every key of one kind of mapping.
struct SettingsTable<Root: Sendable>: Sendable {
    let settings: [Setting<Root>]

    subscript(key: String) -> Setting<Root>? { settings.first { $0.key == key } }

    /// Whether some key lies below `key`.
    func isGroup(_ key: String) -> Bool { settings.contains { $0.key.hasPrefix(key + ".") } }

    /// The known key that `key` was probably meant to be.
    func nearest(to key: String, among more: [String] = []) -> String? {
        let candidates = settings.map(\.key) + more
        let scored = candidates.map { ($0, EditDistance.between($0, key)) }
        guard let best = scored.min(by: { $0.1 < $1.1 }), best.1 <= max(2, key.count / 4) else {
            return nil
        }
        return best.0
    }

    /// Sets one key from untyped text, as variables and flags give it.
    func assign(
        _ key: String, text: String, place: String, to root: inout Root
    ) throws(SettingsError) {
        try assign(key, .scalar(text, nil), place: place, to: &root)
    }

    func assign(
        _ key: String, _ input: SettingInput, place: String, to root: inout Root
    ) throws(SettingsError) {
        guard let setting = self[key] else {
            throw .unknownKey(place: place, key: key, nearest: nearest(to: key))
        }
        do throws(SettingProblem) {
            try setting.assign(&root, input)
        } catch {
            switch error {
            case .wrongType:
                throw .wrongType(
                    place: place, key: key, found: input.found, expected: setting.expected)
            case .outOfRange:
                throw .outOfRange(
                    place: place, key: key, value: input.found, expected: setting.expected)
            }
        }
    }
}

extension SettingsTable where Root == Settings {
    static let server = SettingsTable(settings: [
        .text("model.path", \.model.path),
        .text("model.name", \.model.name),
        .choice("model.compute", \.model.compute),
        .integer("model.threads", \.model.threads, 0...WorkerTeam.countMax),
        .text("model.kernels", \.model.kernels),
        .text("model.packed_folder", \.model.packedFolder),
        .bytes("model.packed_bytes_max", \.model.packedBytesMax, 0...(1 << 50)),
        .text("listen.host", \.listen.host),
        .integer("listen.port", \.listen.port, 0...65535),
        .text("listen.unix_socket", \.listen.unixSocket),
        .text("listen.tls_certificate", \.listen.tlsCertificate),
        .text("listen.tls_key", \.listen.tlsKey),
        .bytes("http.request_line_bytes_max", \.http.limits.requestLineBytesMax, 256...(1 << 20)),
        .bytes("http.header_bytes_max", \.http.limits.headerBytesMax, 1024...(1 << 20)),
        .integer("http.header_count_max", \.http.limits.headerCountMax, 8...10_000),
        .bytes("http.body_bytes_max", \.http.limits.bodyBytesMax, 1024...(1 << 30)),
        .integer("http.connections_max", \.http.limits.connectionsMax, 1...1_000_000),
        .number("http.handshake_seconds_max", \.http.limits.handshakeSecondsMax, 0.1...3600),
        .number("http.header_seconds_max", \.http.limits.headSecondsMax, 0.1...3600),
        .number("http.body_seconds_max", \.http.limits.bodySecondsMax, 0.1...3600),
        .number("http.idle_seconds_max", \.http.limits.idleSecondsMax, 0.1...86_400),
        .number("http.stall_seconds_max", \.http.limits.stallSecondsMax, 0.1...3600),
        .bytes("http.outbound_bytes_max", \.http.limits.outboundBytesMax, (64 << 10)...(1 << 30)),
        .integer("http.shards", \.http.shards, 1...64),
        .list("http.cors_origins", \.http.corsOrigins),
        .integer("engine.step_tokens_max", \.engine.limits.stepTokensMax, 2...65_536),
        .integer("engine.chunk_tokens_max", \.engine.limits.chunkTokensMax, 1...65_536),
        .integer("engine.mixed_prompt_tokens_max", \.engine.limits.mixedPromptTokensMax, 1...65_536),
        .integer("engine.draft_rows_max", \.engine.limits.draftRowsMax, 0...256),
        .integer("engine.long_prompt_tokens", \.engine.limits.longPromptTokens, 1...(1 << 22)),
        .integer("engine.sequences_max", \.engine.limits.sequencesMax, 1...4096),
        .integer("engine.waiting_max", \.engine.limits.waitingMax, 1...1_000_000),
        .integer("engine.choices_max", \.engine.choicesMax, 0...4096),
        .integer("engine.page_tokens", \.engine.pageTokens, 16...64),
        .bytes("engine.cache_bytes", \.engine.cacheBytes, 0...(1 << 44)),
        .choice("engine.cache_element", \.engine.cacheElement),
        .integer("engine.context_tokens_max", \.engine.contextTokensMax, 0...(1 << 22)),
        .integer("service.drain_seconds_max", \.service.drainSecondsMax, 0...86_400),
        .text("service.api_key", \.service.apiKey),
        .choice("log.format", \.log.format),
        .choice("log.level", \.log.level),
    ])
}

extension SettingsTable where Root == EndpointSettings {
    static let endpoint = SettingsTable(
        settings: [
            .text("name", \.name),
            .text("model", \.model),
            .integer("replicas", \.replicas, 0...ScalingPolicy.replicasLimit),
            .integer("limits.concurrent_max", \.limits.concurrentMax, 1...1_000_000),
            .integer("limits.waiting_max", \.limits.waitingMax, 1...1_000_000),
            .number("limits.request_seconds_max", \.limits.requestSecondsMax, 0.001...86_400),
            .number("limits.queue_seconds_max", \.limits.queueSecondsMax, 0.001...86_400),
            .integer("limits.prompt_tokens_max", \.limits.promptTokens, 0...(1 << 24)),
            .integer("limits.output_tokens_max", \.limits.outputTokens, 0...(1 << 24)),
            .integer("limits.choices_max", \.limits.choicesMax, 1...4096),
            .integer(
                "scaling.min_replicas", \.scaling.replicasMin, 0...ScalingPolicy.replicasLimit),
            .integer(
                "scaling.max_replicas", \.scaling.replicasMax, 1...ScalingPolicy.replicasLimit),
            .number(
                "scaling.scale_up_window_seconds", \.scaling.scaleUpWindowSeconds,
                1...ScalingPolicy.windowSecondsLimit),
            .number(
                "scaling.scale_down_window_seconds", \.scaling.scaleDownWindowSeconds,
                0...ScalingPolicy.windowSecondsLimit),
            .number(
                "scaling.scale_to_zero_window_seconds", \.scaling.scaleToZeroWindowSeconds,
                0...ScalingPolicy.windowSecondsLimit),
            .number("scaling.tolerance", \.scaling.tolerance, 0...0.99),
        ] + ScalingSignal.allCases.map { target($0) })

    /// 0 unsets a target.
    private static func target(_ signal: ScalingSignal) -> Setting<EndpointSettings> {
        .number("scaling.load_targets.\(signal.rawValue)", \.scaling[target: signal], 0...1e12)
    }
}

extension SettingsTable where Root == APIKey {
    static let apiKey = SettingsTable(settings: [
        .text("name", \.name),
        .text("secret", \.secret),
        .list("endpoints", \.endpointNames),
        .flag("administrator", \.isAdministrator),
    ])
}
