// Settings.swift: everything an operator can choose, with its default. A plain value.
// It reads nothing itself; `SettingsTable` says how keys map to these fields, and
// Config/tokenmill.yaml explains each one to the operator.
import Compute
import Engine
import HTTP
import Service

/// What `tokenmill serve` runs by. Zero means "choose for me" wherever a field says so.
struct Settings: Sendable, Equatable {
    var model = Model()
    var listen = Listen()
    var http = HTTPChoices()
    var engine = EngineChoices()
    var service = ServiceChoices()
    var log = Log()
    /// Empty serves one endpoint named after the model.
    var endpoints: [EndpointSettings] = []
    /// Empty lets everybody in, unless `service.api_key` is set.
    var apiKeys: [APIKey] = []

    struct Model: Sendable, Equatable {
        /// A .gguf file, the first shard of one, or a Hugging Face directory.
        var path = ""
        /// What clients call it; empty takes the file's name.
        var name = ""
        var compute = ComputeMode.auto
        /// 0 takes one thread per core.
        var threads = 0
        /// A kernel table by name; empty takes the best that the machine runs.
        var kernels = ""
        /// Where packed weights are kept for the next start; empty takes the user's cache, `off` keeps none.
        var packedFolder = ""
        /// Most bytes of that folder's files.
        var packedBytesMax = 32 << 30
    }

    struct Listen: Sendable, Equatable {
        var host = "127.0.0.1"
        /// 0 lets the system choose a free port.
        var port = 8080
        /// A Unix socket's path; empty opens none.
        var unixSocket = ""
        /// Both or neither: PEM files.
        var tlsCertificate = ""
        var tlsKey = ""
    }

    struct HTTPChoices: Sendable, Equatable {
        var limits = ServerLimits()
        var shards = 2
        var corsOrigins: [String] = []
    }

    struct EngineChoices: Sendable, Equatable {
        var limits = {
            var limits = EngineSettings()
            limits.choicesMax = .max
            return limits
        }()
        var pageTokens = 16
        /// 0 takes a part of the memory that is free.
        var cacheBytes = 0
        var cacheElement = CacheChoice.auto
        /// 0 takes as many as there are sequences, to which the engine holds itself.
        var choicesMax: Int {
            get { limits.choicesMax == .max ? 0 : limits.choicesMax }
            set { limits.choicesMax = newValue == 0 ? .max : newValue }
        }
        /// 0 takes the model's own context.
        var contextTokensMax: Int {
            get { limits.contextMax ?? 0 }
            set { limits.contextMax = newValue == 0 ? nil : newValue }
        }
    }

    enum CacheChoice: String, Sendable, CaseIterable {
        case auto, f32, f16, bf16, int8

        /// `nil` leaves it to the model.
        var element: CacheElement? { CacheElement(rawValue: rawValue) }
    }

    struct ServiceChoices: Sendable, Equatable {
        var drainSecondsMax = 30
        /// A key that may do everything; empty asks for none.
        var apiKey = ""
    }

    struct Log: Sendable, Equatable {
        var format = LogFormat.text
        var level = LogLevel.info
    }

    enum LogFormat: String, Sendable, CaseIterable { case text, json }
    enum LogLevel: String, Sendable, CaseIterable { case debug, info, notice, warning, error }
}
