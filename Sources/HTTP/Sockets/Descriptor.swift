// Descriptor.swift: owns one file descriptor, and makes the system calls on it.
// EINTR and EAGAIN are handled here and nowhere else. Closed when its last owner lets go; a watch
// on it is an owner, so it can never be closed under one.

import Glibc

/// What a read or a write came to.
enum TransferResult: Equatable {
    case bytes(Int)
    case wouldBlock(Readiness)
    case endOfStream
    case failed(code: Int32)
}

/// What a blocked transfer waits for; TLS may need to write in order to read, and the other way
/// round.
enum Readiness {
    case readable, writable
}

/// A descriptor that is closed exactly once.
final class Descriptor: Sendable {
    let raw: Int32

    /// Takes over `raw`, an open descriptor that nobody else closes.
    init(owning raw: Int32) {
        precondition(raw >= 0, "not a descriptor: \(raw)")
        self.raw = raw
    }

    deinit {
        // After EINTR the descriptor is closed on Linux all the same; a second close could hit a
        // stranger's.
        _ = close(raw)
    }

    func makeNonBlocking() {
        _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
        _ = fcntl(raw, F_SETFD, FD_CLOEXEC)
    }

    func setOption(level: Int32, _ name: Int32, _ value: Int32) -> Bool {
        var value = value
        return setsockopt(raw, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }

    /// Reads what is there, up to the buffer's size.
    func receive(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        while true {
            let count = recv(raw, buffer.baseAddress, buffer.count, 0)
            if count > 0 { return .bytes(count) }
            if count == 0 { return .endOfStream }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock(.readable)
            default: return .failed(code: errno)
            }
        }
    }

    /// Sends as much of `bytes`, which is not empty, as the kernel takes.
    func send(_ bytes: UnsafeRawBufferPointer) -> TransferResult {
        while true {
            let count = Glibc.send(raw, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if count >= 0 { return .bytes(count) }
            switch errno {
            case EINTR: continue
            case EAGAIN: return .wouldBlock(.writable)
            default: return .failed(code: errno)
            }
        }
    }

    /// Accepts one connection: nil when none waits, or an error number.
    func accept() -> Result<Descriptor?, AcceptError> {
        while true {
            let accepted = Glibc.accept(raw, nil, nil)
            if accepted >= 0 {
                let descriptor = Descriptor(owning: accepted)
                descriptor.makeNonBlocking()
                return .success(descriptor)
            }
            switch errno {
            // ECONNABORTED and its like: the client left while it waited; the next one may be well.
            case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, ENETUNREACH: continue
            case EAGAIN: return .success(nil)
            default: return .failure(AcceptError(code: errno))
            }
        }
    }

    /// Tells the peer that nothing more will come.
    func endWriting() {
        _ = shutdown(raw, Int32(SHUT_WR))
    }

    /// Refuses further connections at once, while the descriptor is still open.
    func endListening() {
        _ = shutdown(raw, Int32(SHUT_RDWR))
    }

    /// Whether the peer is known to be gone altogether, not merely done with sending.
    var isBroken: Bool {
        var state = pollfd(fd: raw, events: 0, revents: 0)
        guard poll(&state, 1, 0) > 0 else { return false }
        return Int32(state.revents) & (Int32(POLLHUP) | Int32(POLLERR)) != 0
    }
}

/// Why a connection that waits cannot be accepted now: out of descriptors or memory.
struct AcceptError: Error {
    let code: Int32
}
