// CommandFailure.swift: what ends a command: what is wrong, and what to do next.
import Checkpoints
import Compute
import HTTP
import Models
import Text

/// One line for the person at the terminal.
struct CommandFailure: Error, CustomStringConvertible {
    let problem: String
    let advice: String

    init(_ problem: String, advice: String) {
        self.problem = problem
        self.advice = advice
    }

    var description: String { "\(problem); \(advice)" }

    init(_ error: SettingsError) {
        self.init("\(error)", advice: "correct it and start again")
    }

    init(_ error: CheckpointError) {
        self.init("\(error)", advice: "check the path, or fetch the file again")
    }

    init(_ error: ModelError, path: String) {
        let advice =
            switch error {
            case .cacheTooSmall: "raise engine.cache_bytes, or lower engine.context_tokens_max"
            case .memoryTooSmall: "lower engine.cache_bytes, or take a smaller model"
            case .architectureUnknown: "`tokenmill inspect` shows what the file holds"
            case .workers: "correct model.threads"
            default: "the file may be damaged; `tokenmill inspect` shows what it holds"
            }
        self.init("\(path): \(error)", advice: advice)
    }

    init(_ error: TokenizerError, path: String) {
        self.init(
            "\(path): the tokenizer cannot be used: \(error)",
            advice: "the file may be damaged; `tokenmill inspect` shows what it holds")
    }

    init(listening error: any Error) {
        let advice =
            switch error {
            case ListenError.addressInUse: "stop that process, or choose another --port"
            case is TLSError: "check listen.tls_certificate and listen.tls_key"
            default: "check listen.host, listen.port and listen.unix_socket"
            }
        self.init("cannot listen: \(error)", advice: advice)
    }
}
