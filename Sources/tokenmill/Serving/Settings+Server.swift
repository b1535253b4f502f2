// Settings+Server.swift: settings as the configurations that HTTP and Service take.
import HTTP
import Service

extension Settings {
    /// The declared keys, and the one that may do everything.
    var keys: [APIKey] {
        guard !service.apiKey.isEmpty else { return apiKeys }
        return apiKeys
            + [APIKey(name: "service.api_key", secret: service.apiKey, isAdministrator: true)]
    }

    var server: ServerConfiguration {
        var addresses = [
            ListenAddress.internet(host: listen.host, port: UInt16(clamping: listen.port))
        ]
        if !listen.unixSocket.isEmpty { addresses.append(.unix(path: listen.unixSocket)) }
        var configuration = ServerConfiguration(listen: addresses)
        configuration.limits = http.limits
        configuration.shardCount = http.shards
        if !listen.tlsKey.isEmpty {
            configuration.tls = TLSConfiguration(
                certificateFile: listen.tlsCertificate, privateKeyFile: listen.tlsKey)
        }
        if http.corsOrigins == ["*"] {
            configuration.crossOrigin.allowedOrigins = .any
        } else if !http.corsOrigins.isEmpty {
            configuration.crossOrigin.allowedOrigins = .listed(Set(http.corsOrigins))
        }
        return configuration
    }
}
