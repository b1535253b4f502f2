// ServerContext.swift: what all connections of a server share: settings, the handler, a few counters.

import Synchronization

/// Set up before the first connection; only the atomics change.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let tls: TLSContext?
    let handler: @Sendable (Request, Exchange) -> Void
    private let connections = Atomic<Int>(0)
    private let draining = Atomic<Bool>(false)
    private let stopped = Atomic<Bool>(false)

    init(
        configuration: ServerConfiguration, tls: TLSContext?,
        handler: @escaping @Sendable (Request, Exchange) -> Void
    ) {
        self.configuration = configuration
        self.tls = tls
        self.handler = handler
    }

    var limits: ServerLimits { configuration.limits }
    var connectionCount: Int { connections.load(ordering: .relaxed) }
    var isDraining: Bool { draining.load(ordering: .acquiring) }
    var isStopped: Bool { stopped.load(ordering: .acquiring) }

    func beginDraining() {
        draining.store(true, ordering: .releasing)
    }

    func stop() {
        beginDraining()
        stopped.store(true, ordering: .releasing)
    }

    /// Counts a connection in; returns how many there are now.
    func connectionOpened() -> Int {
        connections.add(1, ordering: .relaxed).newValue
    }

    func connectionClosed() {
        connections.subtract(1, ordering: .relaxed)
    }
}
