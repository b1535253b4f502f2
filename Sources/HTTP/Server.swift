// Server.swift: opens the doors, deals connections out to the shards, and closes up again.

import Dispatch
import Glibc
import Synchronization

/// An HTTP/1.1 server. Requests that break the protocol never reach the handler; it is called on a shard queue with
/// each other one, and answers through the exchange then or later.
public final class Server: Sendable {
    private enum Phase {
        case new
        case running(Running)
        case stopped(ServerContext?)
    }

    private struct Running {
        let context: ServerContext
        let shards: [QueueBound<Shard>]
        var listeners: [Listener]
    }

    private let configuration: ServerConfiguration
    private let handler: @Sendable (Request, Exchange) -> Void
    private let phase = Mutex(Phase.new)

    public init(configuration: ServerConfiguration, handler: @escaping @Sendable (Request, Exchange) -> Void) {
        precondition(configuration.shardCount > 0, "a server needs a shard")
        self.configuration = configuration
        self.handler = handler
    }

    deinit {
        stop()
    }

    /// Begins to accept. Returns where, with the ports that the system chose.
    /// Throws `ListenError` or `TLSError`; then nothing is open. SIGPIPE is ignored from here on, process-wide.
    public func start() throws -> [ListenAddress] {
        try phase.withLock { phase in
            guard case .new = phase else { throw ListenError.alreadyStarted }
            signal(SIGPIPE, SIG_IGN)
            let context = ServerContext(
                configuration: configuration, tls: try configuration.tls.map { try TLSContext($0) },
                handler: handler)
            let shards = (0..<configuration.shardCount).map { index in
                let queue = DispatchQueue.shard(label: "tokenmill.http.\(index)")
                return QueueBound(Shard(queue: queue, context: context), queue: queue)
            }
            let listeners = try openListeners()
            let dealer = ConnectionDealer(context: context, shards: shards)
            for listener in listeners { listener.start(dealer.deal(_:)) }
            phase = .running(Running(context: context, shards: shards, listeners: listeners))
            return listeners.map(\.address)
        }
    }

    /// Stops accepting and closes idle connections; requests that have begun are answered, each with
    /// `Connection: close`. Returns at once: `connectionCount` tells when it is over.
    public func drain() {
        phase.withLock { phase in
            guard case .running(var running) = phase else { return }
            running.context.beginDraining()
            for listener in running.listeners { listener.cancel() }
            running.listeners = []
            for shard in running.shards { shard.later { $0.drain() } }
            phase = .running(running)
        }
    }

    /// Ends everything now; handlers at work learn of it through `onDisconnect`. Returns before it is through.
    public func stop() {
        phase.withLock { phase in
            switch phase {
            case .new: phase = .stopped(nil)
            case .running(let running):
                running.context.stop()
                for listener in running.listeners { listener.cancel() }
                for shard in running.shards { shard.later { $0.stop() } }
                phase = .stopped(running.context)
            case .stopped: break
            }
        }
    }

    /// Connections that are open, those on their way out included.
    public var connectionCount: Int {
        phase.withLock { phase in
            switch phase {
            case .new: 0
            case .running(let running): running.context.connectionCount
            case .stopped(let context): context?.connectionCount ?? 0
            }
        }
    }

    private func openListeners() throws(ListenError) -> [Listener] {
        let queue = DispatchQueue(label: "tokenmill.http.accept")
        var listeners: [Listener] = []
        for address in configuration.listen {
            listeners += try Listener.open(address, backlog: configuration.limits.acceptBacklogMax, queue: queue)
        }
        guard !listeners.isEmpty else { throw .nothingToListenAt }
        return listeners
    }
}

/// Counts accepted connections and gives each to the next shard.
private final class ConnectionDealer: Sendable {
    private let context: ServerContext
    private let shards: [QueueBound<Shard>]
    private let next = Atomic<Int>(0)

    init(context: ServerContext, shards: [QueueBound<Shard>]) {
        self.context = context
        self.shards = shards
    }

    func deal(_ descriptor: Descriptor) {
        let limits = context.limits
        let count = context.connectionOpened()
        guard count <= limits.connectionsMax + limits.refusedConnectionsMax else {
            return context.connectionClosed()
        }
        let turn = next.add(1, ordering: .relaxed).oldValue
        shards[turn % shards.count].later { shard in
            shard.adopt(descriptor, isOneTooMany: count > limits.connectionsMax)
        }
    }
}
