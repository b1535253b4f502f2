// LoadGenerator.swift: runs a plan against a server on one thread that sleeps in `poll`: so little
// work that server and generator can share a machine. It counts nothing; records leave as they are.
// An open plan never waits for answers: that would hide how slow a server is.
import Dispatch
import Glibc

struct LoadGenerator {
    let address: ClientAddress
    var maker: RequestMaker
    var plan: RequestPlan
    let requestSecondsMax: Int

    private var connections: [LoadConnection] = []
    private var records: [RequestRecord] = []
    private var upcoming: PlannedRequest?
    private var begin: UInt64 = 0
    private var buffer = [UInt8](repeating: 0, count: LoadLimits.readBytes)

    init(address: ClientAddress, maker: RequestMaker, plan: RequestPlan, requestSecondsMax: Int) {
        self.address = address
        self.maker = maker
        self.plan = plan
        self.requestSecondsMax = requestSecondsMax
    }

    /// Runs the whole plan.
    /// - progress: called with each request that ends.
    mutating func run(progress: (RequestRecord) -> Void = { _ in }) -> [RequestRecord] {
        begin = DispatchTime.now().uptimeNanoseconds
        upcoming = plan.next()
        if case .closed(let clients) = plan.arrivals {
            connections = (0..<clients).map { _ in connection() }
        }
        var reported = 0
        while true {
            startDue()
            for record in records[reported...] { progress(record) }
            reported = records.count
            let busy = connections.filter { !$0.isIdle }
            if busy.isEmpty, upcoming == nil { return records }
            wait(for: busy)
        }
    }

    private func connection() -> LoadConnection {
        LoadConnection(address: address, secondsMax: requestSecondsMax)
    }

    // MARK: starting

    private mutating func startDue() {
        if plan.arrivals.isClosed { startClosed() } else { startOpen() }
    }

    private mutating func startClosed() {
        for client in connections {
            while client.isIdle, let planned = upcoming {
                let now = DispatchTime.now().uptimeNanoseconds
                guard Double(now - begin) * 1e-9 <= plan.secondsMax else {
                    upcoming = nil
                    return
                }
                start(planned, on: client, dueAt: now)
            }
        }
    }

    private mutating func startOpen() {
        while let planned = upcoming {
            let due = begin + UInt64((planned.due ?? 0) * 1e9)
            guard due <= DispatchTime.now().uptimeNanoseconds else { return }
            if let idle = connections.first(where: \.isIdle) {
                start(planned, on: idle, dueAt: due)
            } else if connections.count < LoadLimits.connectionsMax {
                connections.append(connection())
                start(planned, on: connections[connections.count - 1], dueAt: due)
            } else {
                var record = RequestRecord(startedAt: due, planned: planned)
                record.endedAt = due
                record.failure = .connectionsExhausted(limit: LoadLimits.connectionsMax)
                records.append(record)
                upcoming = plan.next()
            }
        }
    }

    private mutating func start(
        _ planned: PlannedRequest, on connection: LoadConnection, dueAt due: UInt64
    ) {
        let bytes = maker.bytes(for: planned)
        let record = RequestRecord(startedAt: due, planned: planned)
        let now = DispatchTime.now().uptimeNanoseconds
        if let failed = connection.begin(bytes, record, at: now) { records.append(failed) }
        upcoming = plan.next()
    }

    // MARK: waiting

    private mutating func wait(for busy: [LoadConnection]) {
        var polled = busy.map { $0.interest ?? pollfd(fd: -1, events: 0, revents: 0) }
        let ready = poll(&polled, nfds_t(polled.count), milliseconds(until: nextEvent(of: busy)))
        let now = DispatchTime.now().uptimeNanoseconds
        for (index, connection) in busy.enumerated() {
            let isLate = connection.deadline.map { now >= $0 } ?? false
            guard (ready > 0 && polled[index].revents != 0) || isLate else { continue }
            // Each read has its own time: with many streams the first is long over by the last.
            let time = DispatchTime.now().uptimeNanoseconds
            if let record = connection.advance(at: time, buffer: &buffer) { records.append(record) }
        }
    }

    /// The earliest deadline or arrival.
    private func nextEvent(of busy: [LoadConnection]) -> UInt64? {
        var times = busy.compactMap(\.deadline)
        if let due = upcoming?.due { times.append(begin + UInt64(due * 1e9)) }
        return times.min()
    }

    private func milliseconds(until time: UInt64?) -> Int32 {
        guard let time else { return -1 }
        let now = DispatchTime.now().uptimeNanoseconds
        guard time > now else { return 0 }
        // Rounded up, since an early wake-up would spin.
        return Int32(min((time - now + 999_999) / 1_000_000, 3_600_000))
    }
}
