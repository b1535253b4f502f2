// Listener.swift: one listening socket; hands accepted descriptors on and knows nothing of what
// they carry. When descriptors or memory run out it pauses instead of spinning on a connection it
// cannot take.

import Dispatch
import Glibc
import Synchronization

/// A socket that accepts until it is cancelled.
final class Listener: Sendable {
    /// How long accepting rests after the system ran out of descriptors or memory.
    private static let pauseMilliseconds = 100
    /// Connections accepted before other work of the queue gets its turn.
    private static let acceptsPerTurnMax = 64

    let address: ListenAddress
    private let descriptor: Descriptor
    private let watch: Mutex<ReadinessWatch?>
    private let queue: DispatchQueue

    /// Opens every socket that `address` stands for.
    static func open(
        _ address: ListenAddress, backlog: Int32, queue: DispatchQueue
    ) throws(ListenError) -> [Listener] {
        switch address {
        case .unix(let path):
            let socketAddress = try SocketAddress.unix(path: path)
            try removeStaleSocket(path: path, socketAddress)
            return [try Listener(address, socketAddress, backlog: backlog, queue: queue)]
        case .internet(let host, var port):
            var listeners: [Listener] = []
            var hosts: Set<String> = []
            var unavailable: ListenError?
            for candidate in try SocketAddress.resolve(host: host, port: port) {
                // A name with several addresses listens at one port: the one the system chose for
                // the first.
                guard let numeric = candidate.numeric, hosts.insert(numeric.host).inserted,
                    let target = try SocketAddress.resolve(host: numeric.host, port: port).first
                else { continue }
                let place = ListenAddress.internet(host: numeric.host, port: port)
                do throws(ListenError) {
                    let listener = try Listener(place, target, backlog: backlog, queue: queue)
                    if case .internet(_, let bound) = listener.address { port = bound }
                    listeners.append(listener)
                } catch .failed(_, _, let code) where code == EADDRNOTAVAIL || code == EAFNOSUPPORT
                {
                    // A machine without IPv6 still resolves localhost to ::1.
                    unavailable = .failed(place, operation: "bind", code: code)
                } catch {
                    throw error
                }
            }
            if listeners.isEmpty, let unavailable { throw unavailable }
            return listeners
        }
    }

    private init(
        _ place: ListenAddress, _ socketAddress: SocketAddress, backlog: Int32, queue: DispatchQueue
    ) throws(ListenError) {
        let raw = socket(socketAddress.family, Int32(SOCK_STREAM.rawValue), 0)
        guard raw >= 0 else { throw .failed(place, operation: "socket", code: errno) }
        descriptor = Descriptor(owning: raw)
        descriptor.makeNonBlocking()
        // A restarted server must not wait for the old one's connections to be forgotten.
        _ = descriptor.setOption(level: SOL_SOCKET, SO_REUSEADDR, 1)
        guard socketAddress.withPointer({ bind(raw, $0, $1) }) == 0 else {
            throw errno == EADDRINUSE
                ? .addressInUse(place) : .failed(place, operation: "bind", code: errno)
        }
        guard listen(raw, backlog) == 0 else {
            throw errno == EADDRINUSE
                ? .addressInUse(place) : .failed(place, operation: "listen", code: errno)
        }
        if case .internet = place, let bound = SocketAddress.local(of: descriptor)?.numeric {
            address = .internet(host: bound.host, port: bound.port)
        } else {
            address = place
        }
        self.queue = queue
        watch = Mutex(nil)
    }

    /// Begins to accept; `deliver` is called on the queue.
    func start(_ deliver: @escaping @Sendable (Descriptor) -> Void) {
        watch.withLock { watch in
            let new = ReadinessWatch(descriptor, queue: queue) { [weak self] _ in self?.accept(deliver) }
            new.arm(.readable)
            watch = new
        }
    }

    /// Stops accepting for good; waiting connections are reset by the system.
    func cancel() {
        // The descriptor may outlive its watch for a moment, in which nobody may connect any more.
        descriptor.endListening()
        watch.withLock { watch in
            watch?.cancel()
            watch = nil
        }
        if case .unix(let path) = address { _ = unlink(path) }
    }

    private func accept(_ deliver: @Sendable (Descriptor) -> Void) {
        for _ in 0..<Self.acceptsPerTurnMax {
            switch descriptor.accept() {
            case .success(let accepted?): deliver(accepted)
            case .success(nil): return
            case .failure: return pause()
            }
        }
    }

    private func pause() {
        watch.withLock { $0?.disarm(.readable) }
        queue.asyncAfter(deadline: .now() + .milliseconds(Self.pauseMilliseconds)) { [weak self] in
            self?.watch.withLock { $0?.arm(.readable) }
        }
    }

    /// A socket file that nobody listens at any more is in the way; anything else there is left
    /// alone.
    private static func removeStaleSocket(
        path: String, _ address: SocketAddress
    ) throws(ListenError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        let raw = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard raw >= 0 else { throw .failed(.unix(path: path), operation: "socket", code: errno) }
        let probe = Descriptor(owning: raw)
        probe.makeNonBlocking()
        let isLive = address.withPointer { connect(raw, $0, $1) } == 0 || errno == EAGAIN
        guard !isLive else { throw .addressInUse(.unix(path: path)) }
        _ = unlink(path)
    }
}
