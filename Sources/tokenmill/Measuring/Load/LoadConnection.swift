// LoadConnection.swift: one connection, one request at a time: sends, reads, and hands out the record.
// It never waits: its owner says when the socket is ready, and what time it is.
import Glibc

final class LoadConnection {
    private struct Exchange {
        let bytes: [UInt8]
        var sent = 0
        var hasAnswer = false
        var answer: AnswerReader
        /// Kept for the one repetition that a connection closed while idle deserves.
        let record: RequestRecord
        let deadline: UInt64
    }

    private let address: ClientAddress
    private let secondsMax: Int
    private var socket: ClientSocket?
    private var isReused = false
    private var exchange: Exchange?

    init(address: ClientAddress, secondsMax: Int) {
        self.address = address
        self.secondsMax = secondsMax
    }

    var isIdle: Bool { exchange == nil }
    /// Monotonic nanoseconds, while a request runs.
    var deadline: UInt64? { exchange?.deadline }

    /// What to poll for while a request runs.
    var interest: pollfd? {
        guard let socket, let exchange else { return nil }
        let events = exchange.sent < exchange.bytes.count ? POLLIN | POLLOUT : POLLIN
        return pollfd(fd: socket.descriptor, events: Int16(events), revents: 0)
    }

    /// Begins a request. The record, if that failed at once.
    func begin(_ bytes: [UInt8], _ record: RequestRecord, at time: UInt64) -> RequestRecord? {
        precondition(exchange == nil, "one request at a time")
        isReused = socket != nil
        exchange = Exchange(
            bytes: bytes, answer: AnswerReader(record), record: record,
            deadline: time + UInt64(secondsMax) * 1_000_000_000)
        return attempt(at: time) { () throws(LoadFailure) in
            if self.socket == nil { self.socket = try ClientSocket(connectingTo: self.address) }
        }
    }

    /// Sends and reads as far as it goes. The record, once the request is over.
    func advance(at time: UInt64, buffer: inout [UInt8]) -> RequestRecord? {
        guard let current = exchange, let socket else { return nil }
        if time >= current.deadline { return end(.timedOut(seconds: secondsMax), at: time) }
        return attempt(at: time) { () throws(LoadFailure) in
            try self.send(on: socket)
            try self.receive(on: socket, at: time, buffer: &buffer)
        }
    }

    /// Runs a part of the exchange; its end, good or bad, gives the record.
    private func attempt(
        at time: UInt64, _ work: () throws(LoadFailure) -> Void
    ) -> RequestRecord? {
        do throws(LoadFailure) {
            try work()
        } catch {
            guard error == .brokenOff, isReused, exchange?.hasAnswer == false, let old = exchange
            else {
                return end(error, at: time)
            }
            socket = nil
            exchange = nil
            return begin(old.bytes, old.record, at: time)
        }
        return exchange?.answer.isComplete == true ? end(nil, at: time) : nil
    }

    private func send(on socket: ClientSocket) throws(LoadFailure) {
        guard let current = exchange, current.sent < current.bytes.count else { return }
        if current.sent == 0, !isReused { try socket.requireConnected() }
        switch socket.send(current.bytes[current.sent...]) {
        case .bytes(let count): exchange?.sent += count
        case .wouldBlock: break
        // What the server said before it closed is worth reading.
        case .ended: exchange?.sent = current.bytes.count
        }
    }

    private func receive(
        on socket: ClientSocket, at time: UInt64, buffer: inout [UInt8]
    ) throws(LoadFailure) {
        while exchange?.answer.isComplete == false {
            switch socket.receive(into: &buffer) {
            case .bytes(let count):
                exchange?.hasAnswer = true
                try exchange?.answer.read(buffer[..<count], at: time)
                // A short read was all there is; asking again costs a system call per token.
                if count < buffer.count { return }
            case .wouldBlock: return
            case .ended:
                guard exchange?.answer.close() == true else { throw .brokenOff }
            }
        }
    }

    private func end(_ failure: LoadFailure?, at time: UInt64) -> RequestRecord? {
        guard var current = exchange else { return nil }
        exchange = nil
        if failure != nil || !current.answer.keepsAlive { socket = nil }
        return current.answer.end(at: time, failure: failure)
    }
}
