// CurlLine.swift: a request that works against the server that has just started.
import HTTP
import JSON
import Service

enum CurlLine {
    static func text(
        _ model: ServedModel, at address: ListenAddress, _ settings: Settings
    ) -> String {
        var line = "curl -s "
        switch address {
        case .internet(let host, let port):
            // Listening on every interface is no address to call.
            let name =
                switch host {
                case "0.0.0.0": "127.0.0.1"
                case "::": "[::1]"
                default: host.contains(":") ? "[\(host)]" : host
                }
            let isSecure = !settings.listen.tlsKey.isEmpty
            line += (isSecure ? "-k https" : "http") + "://\(name):\(port)"
        case .unix(let path): line += "--unix-socket \(quoted(path)) http://localhost"
        }
        let isChat = model.template != nil
        line += isChat ? "/v1/chat/completions" : "/v1/completions"
        if !settings.keys.isEmpty { line += " -H \"Authorization: Bearer $KEY\"" }
        var body = JSONObject()
        body["model"] = .string(model.id)
        if isChat {
            let message: JSONValue = [
                "role": "user", "content": "Name three primary colours.",
            ]
            body["messages"] = [message]
        } else {
            body["prompt"] = "The capital of France is"
        }
        body["max_tokens"] = 64
        let json = String(decoding: JSONValue.object(body).serialized(), as: UTF8.self)
        return line + " -H 'Content-Type: application/json' -d \(quoted(json))"
    }

    /// For a POSIX shell.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
