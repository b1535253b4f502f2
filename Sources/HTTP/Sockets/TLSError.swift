// TLSError.swift: what can be wrong with the files of a TLS configuration, by file.

/// Why TLS cannot be offered.
public enum TLSError: Error, Sendable, Hashable {
    case unavailable(reason: String)
    case certificateUnusable(file: String, reason: String)
    case privateKeyUnusable(file: String, reason: String)
    case privateKeyOfOtherCertificate(certificateFile: String, privateKeyFile: String)
}

extension TLSError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unavailable(let reason): "TLS is unavailable: \(reason)"
        case .certificateUnusable(let file, let reason):
            "the certificate '\(file)' cannot be used: \(reason)"
        case .privateKeyUnusable(let file, let reason):
            "the private key '\(file)' cannot be used: \(reason)"
        case .privateKeyOfOtherCertificate(let certificateFile, let privateKeyFile):
            "the private key '\(privateKeyFile)' does not fit the certificate '\(certificateFile)'"
        }
    }
}
