// TLSContext.swift: a certificate chain and its key, loaded once, shared by all connections.

import COpenSSL

/// OpenSSL's context. It is not changed after init, and OpenSSL locks what sessions share, hence
/// unchecked.
final class TLSContext: @unchecked Sendable {
    private let context: OpaquePointer

    init(_ configuration: TLSConfiguration) throws(TLSError) {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw .unavailable(reason: Self.lastError())
        }
        self.context = context
        guard tls_configure_server(context) == 1 else {
            throw .unavailable(reason: Self.lastError())
        }
        ERR_clear_error()
        guard SSL_CTX_use_certificate_chain_file(context, configuration.certificateFile) == 1 else {
            throw .certificateUnusable(
                file: configuration.certificateFile, reason: Self.lastError())
        }
        // A key of another certificate is refused here already, before the check below sees it.
        guard
            SSL_CTX_use_PrivateKey_file(context, configuration.privateKeyFile, SSL_FILETYPE_PEM)
                == 1
        else {
            throw Self.keyError(configuration)
        }
        guard SSL_CTX_check_private_key(context) == 1 else {
            throw .privateKeyOfOtherCertificate(
                certificateFile: configuration.certificateFile,
                privateKeyFile: configuration.privateKeyFile)
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
                certificateFile: configuration.certificateFile,
                privateKeyFile: configuration.privateKeyFile)
        }
        return .privateKeyUnusable(file: configuration.privateKeyFile, reason: lastError())
    }

    private static func lastError() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else {
            return "no reason given"
        }
        return String(cString: reason)
    }
}
