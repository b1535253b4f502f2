// ClientSocket.swift: one connection to a server, without waiting; EINTR and EAGAIN end here.
import Glibc

/// A stream socket that never blocks; closed with its owner.
final class ClientSocket {
    enum Transfer: Equatable { case bytes(Int), wouldBlock, ended }

    let descriptor: Int32

    /// Begins to connect; the socket becomes writable when that is through.
    init(connectingTo address: ClientAddress) throws(LoadFailure) {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        descriptor = socket(address.family, kind, 0)
        guard descriptor >= 0 else { throw .unreachable(code: errno) }
        if address.family != AF_UNIX {
            // Fails at worst to make a small request fast.
            var on: Int32 = 1
            let size = socklen_t(MemoryLayout<Int32>.size)
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, size)
        }
        let result = address.bytes.withUnsafeBytes { raw in
            let pointer = raw.assumingMemoryBound(to: sockaddr.self).baseAddress
            return connect(descriptor, pointer, socklen_t(raw.count))
        }
        guard result == 0 || errno == EINPROGRESS else { throw .unreachable(code: errno) }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Throws why the connection failed, once it is known.
    func requireConnected() throws(LoadFailure) {
        var code: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &size)
        guard code == 0 else { throw .unreachable(code: code) }
    }

    func send(_ bytes: ArraySlice<UInt8>) -> Transfer {
        transfer {
            bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
        }
    }

    func receive(into buffer: inout [UInt8]) -> Transfer {
        let moved = transfer {
            buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        }
        return moved == .bytes(0) ? .ended : moved
    }

    private func transfer(_ call: () -> Int) -> Transfer {
        while true {
            let count = call()
            if count >= 0 { return .bytes(count) }
            if errno == EAGAIN { return .wouldBlock }
            if errno != EINTR { return .ended }
        }
    }
}
