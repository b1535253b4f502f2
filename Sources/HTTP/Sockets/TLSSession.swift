// TLSSession.swift: one connection's TLS over its non-blocking descriptor.
// OpenSSL reads and writes the descriptor itself; what it waits for is told in plain readiness.

import COpenSSL

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

    /// Sends close_notify as well as that goes at once; a peer that cannot take it now does
    /// without.
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
