// ServeCommand.swift: `tokenmill serve`: flags to settings, settings to a running server.
import ArgumentParser
import Logging

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a model over HTTP with OpenAI-compatible endpoints.",
        discussion: """
            Answers /v1/chat/completions, /v1/completions, /v1/models, /tokenize, /detokenize,
            /health, /ready, /metrics and /version. Settings come from --config (YAML), from
            variables (TOKENMILL_HTTP_BODY_BYTES_MAX=8MiB) and from flags; later wins.

            SIGTERM drains: readiness goes 503, running streams finish (at most
            service.drain_seconds_max). A second SIGTERM stops at once.

              tokenmill serve --model model.gguf --host 0.0.0.0 --port 8000
              tokenmill serve --config /etc/tokenmill.yaml --set log.format=json
            """)

    /// At the end, time for the last lines to be written.
    private static let flushSecondsMax = 1.0

    @OptionGroup var flags: ModelFlags

    @Option(help: "Address to listen on. Default: 127.0.0.1; 0.0.0.0 or :: for every interface.")
    var host: String?

    @Option(help: "TCP port; 0 takes any free one. Default: 8080.")
    var port: Int?

    mutating func run() throws {
        var more: [(flag: String, key: String, text: String)] = []
        if let host { more.append(("--host", "listen.host", host)) }
        if let port { more.append(("--port", "listen.port", String(port))) }
        let (settings, unknownVariables) = try flags.settings(more)
        let log = settings.log
        let lines = LogQueue(write: Output.error) { LogOutput.line($0, of: log.format) }
        defer { lines.flush(secondsMax: Self.flushSecondsMax) }
        LoggingSystem.bootstrap { _ in
            var output = LogOutput(format: log.format, write: lines.append)
            output.logLevel = log.level.level
            return output
        }
        let logger = Logger(label: "tokenmill")
        for variable in unknownVariables {
            logger.warning("not a setting", metadata: ["variable": "\(variable)"])
        }
        try ServerProcess(settings: settings, logger: logger, print: lines.append).run()
    }
}
