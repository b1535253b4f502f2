// TLSConfiguration.swift: which files a server proves itself with; read once, at start.

/// The files that make a server trustworthy; TLS 1.2 is the least it speaks.
public struct TLSConfiguration: Sendable, Hashable {
    /// PEM: the server's certificate, then its intermediates.
    public var certificateFile: String
    /// PEM, not encrypted.
    public var privateKeyFile: String

    public init(certificateFile: String, privateKeyFile: String) {
        self.certificateFile = certificateFile
        self.privateKeyFile = privateKeyFile
    }
}
