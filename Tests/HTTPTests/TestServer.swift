// TestServer.swift: a server on a port of the system's choice that ends with its test.

import Foundation
import HTTP
import HTTPTypes
import Synchronization

/// A running server and where it listens.
final class TestServer: Sendable {
    let server: Server
    let addresses: [ListenAddress]
    let refusals: Records<ServerConfiguration.OwnAnswer>

    var address: ListenAddress { addresses[0] }

    var port: UInt16 {
        guard case .internet(_, let port) = address else { return 0 }
        return port
    }

    init(
        listen: [ListenAddress] = [.internet(host: "127.0.0.1", port: 0)],
        configure: (inout ServerConfiguration) -> Void,
        handler: @escaping @Sendable (Request, Exchange) -> Void = TestServer.echo
    ) throws {
        let refusals = Records<ServerConfiguration.OwnAnswer>()
        var configuration = ServerConfiguration(listen: listen)
        configuration.ownAnswer = { answer in
            if answer.refusal != nil { refusals.append(answer) }
            return ServerConfiguration.plainAnswer(answer)
        }
        configure(&configuration)
        self.refusals = refusals
        server = Server(configuration: configuration, handler: handler)
        addresses = try server.start()
    }

    convenience init(
        listen: [ListenAddress] = [.internet(host: "127.0.0.1", port: 0)],
        handler: @escaping @Sendable (Request, Exchange) -> Void = TestServer.echo
    ) throws {
        try self.init(listen: listen, configure: { _ in }, handler: handler)
    }

    deinit {
        server.stop()
    }

    func client() throws -> TestClient {
        try TestClient(address)
    }

    /// Answers with method, path, query and body.
    static let echo: @Sendable (Request, Exchange) -> Void = { request, exchange in
        let line = "\(request.head.method) \(request.path) \(request.query ?? "-") "
        exchange.respond(.ok, [.contentType: "text/plain"], body: Array(line.utf8) + request.body)
    }
}

/// A list that several threads append to and a test waits on.
final class Records<Element: Sendable>: Sendable {
    private let elements = Mutex<[Element]>([])

    func append(_ element: Element) {
        elements.withLock { $0.append(element) }
    }

    var all: [Element] { elements.withLock { $0 } }
}

/// Waits until `condition` holds; false if that takes longer than any machine needs.
func eventually(_ condition: () throws -> Bool) rethrows -> Bool {
    let end = Date().addingTimeInterval(Double(TestClient.timeoutSeconds))
    while Date() < end {
        if try condition() { return true }
        usleep(5_000)
    }
    return false
}
