// ChurnTests.swift: connections that come and go quickly, from several threads at once, politely and
// not. Whatever they do, none may be left behind and the server must answer the next one.

import COpenSSL
import Dispatch
import Foundation
import HTTP
import Testing

private let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
private let threads = 8
private let cyclesPerThread = 96

/// What one connection does with its short life.
private enum Life: Int, CaseIterable {
    case asksAndCloses, asksAndResets, closesAtOnce, resetsAtOnce, resetsInsideRequest, asksTwice
}

@Test func `hundreds of short connections from several threads leave nothing behind`() throws {
    let server = try TestServer()
    churn { life in
        let client = try server.client()
        switch life {
        case .asksAndCloses, .asksTwice:
            for _ in 0..<(life == .asksTwice ? 2 : 1) {
                client.send(get)
                guard try client.response().status == 200 else { throw Unanswered() }
            }
        case .asksAndResets:
            client.send(get)
            client.resetsOnClose()
        case .closesAtOnce: break
        case .resetsAtOnce: client.resetsOnClose()
        case .resetsInsideRequest:
            client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf")
            client.resetsOnClose()
        }
    }
    #expect(eventually { server.server.connectionCount == 0 })
    let last = try server.client()
    last.send(get)
    #expect(try last.response().status == 200)
}

@Test(TestCertificate.isPossible)
func `hundreds of short TLS connections from several threads leave nothing behind`() throws {
    let certificate = try #require(TestCertificate())
    let server = try TestServer(configure: { $0.tls = certificate.configuration })
    churn { life in
        let client = try server.client()
        if life == .resetsAtOnce || life == .resetsInsideRequest { client.resetsOnClose() }
        guard life != .closesAtOnce, life != .resetsAtOnce else { return }
        guard let session = SecureClient(client) else { throw Unanswered() }
        switch life {
        case .resetsInsideRequest: session.send("GET / HTTP/1.1\r\nHost:")
        case .asksAndResets:
            session.send(get)
            client.resetsOnClose()
        default:
            for _ in 0..<(life == .asksTwice ? 2 : 1) {
                session.send(get)
                guard session.receive().hasPrefix("HTTP/1.1 200") else { throw Unanswered() }
            }
        }
    }
    #expect(eventually { server.server.connectionCount == 0 })
    let last = try server.client()
    let session = try #require(SecureClient(last))
    session.send(get)
    #expect(session.receive().hasPrefix("HTTP/1.1 200"))
}

private struct Unanswered: Error {}

/// Lives every kind of life many times on every thread.
private func churn(_ live: @Sendable @escaping (Life) throws -> Void) {
    let failures = Records<String>()
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for cycle in 0..<cyclesPerThread {
            let life = Life(rawValue: (thread + cycle) % Life.allCases.count)!
            do { try live(life) } catch { failures.append("\(life): \(error)") }
        }
    }
    #expect(failures.all.isEmpty, "\(failures.all)")
}

/// A TLS client over a test client's socket; trusts anybody.
private final class SecureClient {
    private let context: OpaquePointer
    private let session: OpaquePointer

    /// Nil if the handshake fails.
    init?(_ client: TestClient) {
        context = SSL_CTX_new(TLS_client_method())
        session = SSL_new(context)
        SSL_set_fd(session, client.descriptor)
        guard SSL_connect(session) == 1 else { return nil }
    }

    deinit {
        SSL_free(session)
        SSL_CTX_free(context)
    }

    func send(_ text: String) { _ = SSL_write(session, text, Int32(text.utf8.count)) }

    func receive() -> String {
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = SSL_read(session, &buffer, Int32(buffer.count))
        return String(decoding: buffer.prefix(max(Int(count), 0)), as: UTF8.self)
    }
}

extension TestClient {
    /// Closing sends a reset instead of a farewell.
    fileprivate func resetsOnClose() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(
            descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }
}
