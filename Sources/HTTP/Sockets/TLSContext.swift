// TLSContext.swift: a certificate chain and its key, loaded once, shared by all connections.

import COpenSSL

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
        case .certificateUnusable(let file, let reason): "the certificate '\(file)' cannot be used: \(reason)"
        case .privateKeyUnusable(let file, let reason): "the private key '\(file)' cannot be used: \(reason)"
        case .privateKeyOfOtherCertificate(let certificateFile, let privateKeyFile):
            "the private key '\(privateKeyFile)' does not belong to the certificate '\(certificateFile)'"
        }
    }
}

/// OpenSSL's context. It is not changed after init, and OpenSSL locks what sessions share, hence unchecked.
final class TLSContext: @unchecked Sendable {
    private let context: OpaquePointer

    init(_ configuration: TLSConfiguration) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else { throw .unavailable(reason: Self.lastError()) }
        self.context = context
        guard tls_configure_server(context) == 1 else { throw .unavailable(reason: Self.lastError()) }
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(context, configuration.certificateFile) == 1 else {
            throw .certificateUnusable(file: configuration.certificateFile, reason: Self.lastError())
        }
        // A key of another certificate is refused here already, before the check below sees it.
        guard SSL_CTX_use_PrivateKey_file(context, configuration.privateKeyFile, SSL_FILETYPE_PEM) == 1 else {
            throw Self.keyError(configuration)
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw .privateKeyOfOtherCertificate(
                certificateFile: configuration.certificateFile, privateKeyFile: configuration.privateKeyFile)
        }
    }

    deinit {
        SSL_CTX_free(context)
    }

    /// A server session over a connected, non-blocking descriptor.
    func makeSession(_ descriptor: Descriptor) -> TLSSession? {
        guard let session = SSL_new(context) else { return nil }
        guard SSL_set_fd(session, descriptor.raw) == 1 else {
            SSL_free(session)
            return nil
        }
        SSL_set_accept_state(session)
        return TLSSession(owning: session)
    }

    private static func keyError(_ configuration: TLSConfiguration) -> TLSError {
        let code = ERR_peek_last_error()
        if ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH {
            ERR_clear_error()
            return .privateKeyOfOtherCertificate(
                certificateFile: configuration.certificateFile, privateKeyFile: configuration.privateKeyFile)
        }
        return .privateKeyUnusable(file: configuration.privateKeyFile, reason: lastError())
    }

    private static func lastError() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else { return "no reason given" }
        return String(cString: reason)
    }
}

/// One TLS session; used on its connection's queue only.
final class TLSSession {
    private let session: OpaquePointer
    private var isBroken = false

    init(owning session: OpaquePointer) {
        self.session = session
    }

    deinit {
        SSL_free(session)
    }

    /// Whether decrypted bytes wait that no readiness of the descriptor will announce.
    var hasPendingBytes: Bool { SSL_has_pending(session) == 1 }

    /// One step of the handshake; `.bytes(0)` when it is complete.
    func handshake() -> TransferResult {
        ERR_clear_error()
        let code = SSL_do_handshake(session)
        return code == 1 ? .bytes(0) : result(code)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        ERR_clear_error()
        let count = SSL_read(session, buffer.baseAddress, Int32(clamping: buffer.count))
        return count > 0 ? .bytes(Int(count)) : result(count)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> TransferResult {
        ERR_clear_error()
        let count = SSL_write(session, bytes.baseAddress, Int32(clamping: bytes.count))
        return count > 0 ? .bytes(Int(count)) : result(count)
    }

    /// Sends close_notify as well as that goes at once; a peer that cannot take it now does without.
    func endWriting() {
        guard !isBroken, SSL_in_init(session) == 0 else { return }
        ERR_clear_error()
        _ = SSL_shutdown(session)
        ERR_clear_error()
    }

    private func result(_ code: Int32) -> TransferResult {
        switch SSL_get_error(session, code) {
        case SSL_ERROR_WANT_READ: return .wouldBlock(.readable)
        case SSL_ERROR_WANT_WRITE: return .wouldBlock(.writable)
        case SSL_ERROR_ZERO_RETURN: return .endOfStream
        default:
            // After a fatal error OpenSSL forbids even a shutdown.
            isBroken = true
            return .failed(code: 0)
        }
    }
}
