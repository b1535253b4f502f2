// RecordedLog.swift: a log that tests can read.
import Foundation
import Logging
import Synchronization

final class RecordedLog: Sendable {
    private let written = Mutex<[Logger.Metadata]>([])

    var lines: [Logger.Metadata] { written.withLock { $0 } }

    /// The lines, once there are `count`; a line is written after its answer, and may be late.
    func lines(count: Int) -> [Logger.Metadata] {
        for _ in 0..<2000 where lines.count < count { usleep(5_000) }
        return lines
    }

    func append(_ metadata: Logger.Metadata) { written.withLock { $0.append(metadata) } }
}

struct RecordedLogHandler: LogHandler {
    let log: RecordedLog
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    init(log: RecordedLog) { self.log = log }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { log.append(event.metadata ?? [:]) }
}
