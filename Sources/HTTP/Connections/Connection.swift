// Connection.swift: one client: bytes in, requests one after the other to the handler, answers out.
// Never blocks and never holds more than its limits say. Pipelined requests wait as bytes until
// their predecessor is answered, so answers keep their order by construction.
//
//   handshake -> receiving <-> answering -> closing -> lingering -> closed
//                a request     a handler    last bytes  peer's last   descriptor
//                arrives       works        leave       bytes go by   given up

import Dispatch
import Glibc
import HTTPTypes

/// The life of one connection, on its shard's queue.
final class Connection {
    enum Phase {
        case handshake, receiving, answering, closing, lingering, closed
    }

    /// How far the request that is arriving has come; each stage has its own time limit.
    private enum Arrival {
        case unknown, idle, head, body
    }

    /// Reads before other connections of the shard get their turn.
    private static let readsPerTurnMax = 4

    let identifier: UInt64
    let peer: String
    let isSecure: Bool
    let shard: Shard
    /// Set while the shard has this connection on its list.
    var isFlushComing = false
    private(set) var phase: Phase
    private let isUnix: Bool
    private var transport: Transport?
    private var watch: ReadinessWatch?
    private var parser: RequestParser
    private var arrival = Arrival.unknown
    private var isProcessing = false
    /// Whether a turn that goes on with the requests is on its way.
    private var isTurnComing = false
    private var inputEnded = false
    private var isInputPaused = false
    private var lingeredBytes = 0
    private var answer: Answer?
    private var outbound = OutboundBuffer()
    private var phaseDeadline = UInt64.max
    private var stallDeadline = UInt64.max
    /// Bytes that left since the stall deadline was set.
    private var bytesBeforeStall = 0

    init(identifier: UInt64, descriptor: Descriptor, shard: Shard) {
        let address = SocketAddress.peer(of: descriptor)?.numeric
        isUnix = SocketAddress.local(of: descriptor)?.numeric == nil
        let session = isUnix ? nil : shard.context.tls?.makeSession(descriptor)
        self.identifier = identifier
        self.shard = shard
        peer =
            address.map { ListenAddress.internet(host: $0.host, port: $0.port).description }
            ?? "unix"
        isSecure = session != nil
        phase = session == nil ? .receiving : .handshake
        parser = RequestParser(limits: shard.context.limits)
        transport = Transport(descriptor, session: session)
        // Small chunks must not wait for the acknowledgement of the one before.
        if !isUnix { _ = descriptor.setOption(level: Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
    }

    var deadline: UInt64 { min(phaseDeadline, stallDeadline) }
    private var limits: ServerLimits { shard.context.limits }
    private var bound: QueueBound<Connection> { QueueBound(self, queue: shard.queue) }

    func open(isOneTooMany: Bool) {
        guard let transport, shard.context.tls == nil || isSecure || isUnix else { return abort() }
        watch = ReadinessWatch(transport.descriptor, queue: shard.queue) { [weak self] readiness in
            guard let self else { return }
            shard.turn { readiness == .readable ? self.readable() : self.writable() }
        }
        watch?.arm(.readable)
        if isOneTooMany {
            if isSecure { return abort() }
            return refuse(.tooManyConnections(limit: limits.connectionsMax))
        }
        if phase == .handshake {
            setPhaseDeadline(limits.handshakeSecondsMax)
        } else {
            process()
        }
    }

    /// Lets the request in progress finish; an idle connection ends now.
    func drain() {
        if phase == .receiving { process() }
    }

    /// Ends the connection without a word; whoever makes its answer is told.
    func abort() {
        guard phase != .closed else { return }
        phase = .closed
        phaseDeadline = .max
        stallDeadline = .max
        watch?.cancel()
        watch = nil
        transport = nil
        outbound.discard()
        shard.remove(self)
        shard.context.connectionClosed()
        let unanswered = answer
        answer = nil
        unanswered?.connectionLost()
    }

    /// Called when `deadline` has passed.
    func expire(at now: UInt64) {
        if stallDeadline <= now { return abort() }
        guard phaseDeadline <= now else { return }
        switch phase {
        case .handshake, .lingering, .closing: abort()
        case .receiving:
            switch arrival {
            case .unknown, .idle: endAfterFlush()
            case .head: refuse(.headTooSlow(seconds: limits.headSecondsMax))
            case .body: refuse(.bodyTooSlow(seconds: limits.bodySecondsMax))
            }
        case .answering: checkHalfClosed()
        case .closed: break
        }
    }

    private func setPhaseDeadline(_ seconds: Double) {
        phaseDeadline = Shard.deadline(in: seconds)
        shard.wake(at: phaseDeadline)
    }
}

// Bytes in.
extension Connection {
    private func readable() {
        if phase == .handshake { advanceHandshake() }
        for _ in 0..<Self.readsPerTurnMax {
            guard phase != .closed, phase != .handshake, !inputEnded, !isInputPaused, let transport
            else { return }
            let scratch = shard.scratch
            switch transport.read(into: scratch) {
            case .bytes(let count):
                receive(UnsafeRawBufferPointer(rebasing: scratch[..<count]))
                // A short read from a plain socket emptied it; asking again would only say so.
                if !isSecure && count < scratch.count { return }
            case .wouldBlock(.readable):
                // TLS may have waited for these bytes in order to write.
                if isSecure && !outbound.isEmpty { shard.setNeedsFlush(self) }
                return
            case .wouldBlock(.writable):
                watch?.arm(.writable)
                return
            case .endOfStream: return peerFinished()
            case .failed: return abort()
            }
        }
        if transport?.hasPendingBytes ?? false { bound.later { $0.readAgain() } }
    }

    private func readAgain() {
        shard.turn { readable() }
    }

    private func advanceHandshake() {
        guard let transport else { return }
        switch transport.handshake() {
        case .bytes:
            watch?.disarm(.writable)
            phase = .receiving
            process()
        case .wouldBlock(.readable): watch?.disarm(.writable)
        case .wouldBlock(.writable): watch?.arm(.writable)
        case .endOfStream, .failed: abort()
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .receiving, .answering:
            parser.feed(bytes)
            process()
        case .closing, .lingering:
            lingeredBytes += bytes.count
            if lingeredBytes > limits.lingerBytesMax { abort() }
        case .handshake, .closed: break
        }
    }

    /// The peer sends no more, which alone does not mean that it no longer listens (RFC 9112
    /// section 9.6).
    private func peerFinished() {
        inputEnded = true
        watch?.disarm(.readable)
        switch phase {
        case .receiving: process()
        case .answering:
            answer?.probe()
            checkHalfClosed()
        case .lingering, .handshake: abort()
        case .closing, .closed: break
        }
    }

    /// A reset is the only sign that a half-closed peer is gone altogether, and nothing announces
    /// it.
    private func checkHalfClosed() {
        guard inputEnded, let transport else { return }
        if transport.descriptor.isBroken { return abort() }
        setPhaseDeadline(limits.halfClosedPollSeconds)
    }

    private func setInputPaused(_ isPaused: Bool) {
        guard isPaused != isInputPaused, !inputEnded else { return }
        isInputPaused = isPaused
        if isPaused {
            watch?.disarm(.readable)
        } else {
            watch?.arm(.readable)
            if isSecure { bound.later { $0.readAgain() } }
        }
    }
}

// Requests.
extension Connection {
    /// Takes requests from the parser until one is being answered or more bytes are needed.
    private func process() {
        // A handler that answers at once comes back here; the loop below is still running and goes
        // on by itself.
        guard !isProcessing else { return }
        isProcessing = true
        defer { isProcessing = false }
        var requests = 0
        while phase == .receiving {
            guard hasRoomForAnswer() else { return setInputPaused(true) }
            guard requests < limits.requestsPerTurnMax else { return processLater() }
            do throws(ProtocolError) {
                switch try parser.next() {
                case .needMore: return awaitMore()
                case .head(let head): bodyBegins(head)
                case .request(let request):
                    requests += 1
                    begin(request)
                }
            } catch {
                return refuse(error)
            }
        }
        // The next requests wait as bytes, of which there may be so many.
        if phase == .answering { setInputPaused(parser.bufferedBytes >= limits.pipelinedBytesMax) }
    }

    /// Whether earlier answers have left far enough: a client that asks on and reads nothing must
    /// not pile them up here. `flush` goes on where this says no.
    private func hasRoomForAnswer() -> Bool {
        if outbound.count > limits.outboundBytesMax { flush() }
        // The flush may have found that the peer is gone.
        return phase == .receiving && outbound.count <= limits.outboundBytesMax
    }

    /// Goes on in a later turn, and reads nothing until then.
    private func processLater() {
        setInputPaused(true)
        guard !isTurnComing else { return }
        isTurnComing = true
        bound.later { connection in
            connection.isTurnComing = false
            connection.shard.turn { connection.process() }
        }
    }

    private func awaitMore() {
        if parser.isIdle {
            if inputEnded || shard.context.isDraining { return endAfterFlush() }
        } else if inputEnded {
            return refuse(.requestIncomplete)
        }
        let stage: Arrival = parser.isIdle ? .idle : (arrival == .body ? .body : .head)
        setArrival(stage)
        setInputPaused(false)
    }

    private func setArrival(_ stage: Arrival) {
        guard stage != arrival else { return }
        arrival = stage
        switch stage {
        case .unknown: phaseDeadline = .max
        case .idle: setPhaseDeadline(limits.idleSecondsMax)
        case .head: setPhaseDeadline(limits.headSecondsMax)
        case .body: setPhaseDeadline(limits.bodySecondsMax)
        }
    }

    private func bodyBegins(_ head: RequestHead) {
        setArrival(.body)
        // RFC 9110 section 10.1.1: no 100 when there is no body, or when it is coming already.
        guard head.expectsContinue, head.framing != .none, head.framing != .length(0),
            parser.bufferedBytes == 0
        else { return }
        send { $0.append(contentsOf: "HTTP/1.1 100 Continue\r\n\r\n".utf8) }
    }

    private func begin(_ request: ParsedRequest) {
        phase = .answering
        setArrival(.unknown)
        let answer = Answer(to: request.head, on: self)
        self.answer = answer
        if inputEnded { checkHalfClosed() }
        if answer.answersItself(request.head) { return }
        let exchange = Exchange(QueueBound(answer, queue: shard.queue))
        shard.context.handler(Request(request, peer: peer, isSecure: isSecure), exchange)
    }

    /// The answer's last byte is in the outbound buffer.
    func answered(keepsAlive: Bool) {
        guard phase == .answering else { return }
        answer = nil
        phaseDeadline = .max
        guard keepsAlive, !shard.context.isDraining else { return endAfterFlush() }
        phase = .receiving
        process()
    }

    /// Answers a request that cannot be handled, and ends the connection after it.
    private func refuse(_ error: ProtocolError) {
        let own = shard.context.configuration.ownAnswer(
            .init(status: error.status, refusal: error.description, method: nil, peer: peer))
        var fields = own.fields
        if case .tooManyConnections = error { fields[.retryAfter] = "1" }
        let head = ResponseHead(
            status: error.status, fields: fields, framing: .length(own.body.count), keepsAlive: false,
            announcesKeepAlive: false)
        shard.withDate { date in
            send { bytes in
                head.append(to: &bytes, date: date)
                bytes.append(contentsOf: own.body)
            }
        }
        endAfterFlush()
    }
}

// Bytes out.
extension Connection {
    var outboundBytes: Int { outbound.count }

    /// Appends what `build` appends, to be sent at the end of the turn.
    func send(_ build: (inout [UInt8]) -> Void) {
        guard phase != .closed else { return }
        outbound.append(build)
        shard.setNeedsFlush(self)
    }

    /// Sends what the kernel takes now.
    func flush() {
        guard phase != .handshake, let transport else { return }
        let waiting = outbound.count
        defer { if waiting > limits.outboundBytesMax { resumeRequests() } }
        while !outbound.isEmpty {
            switch outbound.withPending(transport.write) {
            case .bytes(let count):
                outbound.consume(count)
                bytesBeforeStall += count
            case .wouldBlock(let readiness):
                if readiness == .writable { watch?.arm(.writable) }
                return expectProgress()
            case .endOfStream, .failed: return abort()
            }
        }
        stallDeadline = .max
        watch?.disarm(.writable)
        if phase == .closing { linger() }
    }

    /// A reader that takes a byte now and then is as good as one that takes none.
    private func expectProgress() {
        guard stallDeadline == .max || bytesBeforeStall >= limits.stallBytesMin else { return }
        bytesBeforeStall = 0
        stallDeadline = Shard.deadline(in: limits.stallSecondsMax)
        shard.wake(at: stallDeadline)
    }

    /// Takes up the requests that waited for room. Never at once: a flush is part of a turn whose
    /// length is bounded.
    private func resumeRequests() {
        guard phase == .receiving, !isProcessing, outbound.count <= limits.outboundBytesMax else { return }
        processLater()
    }

    private func writable() {
        if phase == .handshake { return readable() }
        flush()
        if outbound.isEmpty {
            watch?.disarm(.writable)
            // TLS may have waited for room in order to read.
            if isSecure { readable() }
        }
    }

    private func endAfterFlush() {
        guard phase != .closed, phase != .closing, phase != .lingering else { return }
        phase = .closing
        phaseDeadline = .max
        setInputPaused(false)
        shard.setNeedsFlush(self)
    }

    /// Closing with unread bytes would reset the connection and destroy the last answer on its way.
    private func linger() {
        transport?.endWriting()
        guard !inputEnded else { return abort() }
        phase = .lingering
        setPhaseDeadline(limits.lingerSecondsMax)
    }
}
