// RecordedLog.swift: a log that tests can read.
import Logging
import Synchronization

final class RecordedLog: Sendable {
    private let written = Mutex<[Logger.Metadata]>([])

    var lines: [Logger.Metadata] { written.withLock { $0 } }

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
