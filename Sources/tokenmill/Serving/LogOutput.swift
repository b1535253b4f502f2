// LogOutput.swift: log lines to standard error, as text for people or as JSON for collectors.
// One line per event, one write per line; keys are sorted, so that lines of a kind look alike.
import Glibc
import JSON
import Logging

/// Formats and writes; swift-log's front end filters.
struct LogOutput: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level = .info
    let format: Settings.LogFormat
    let write: @Sendable (String) -> Void

    init(format: Settings.LogFormat, write: @escaping @Sendable (String) -> Void) {
        self.format = format
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let own = event.metadata { fields.merge(own) { $1 } }
        let sorted = fields.sorted { $0.key < $1.key }.map { ($0.key, LogValue($0.value)) }
        write(Self.line(event.level, "\(event.message)", sorted, format))
    }

    /// The line that tells of lines that are missing.
    static func line(_ dropped: Int, of format: Settings.LogFormat) -> String {
        line(.warning, "log lines were dropped", [("count", .integer(dropped))], format)
    }

    private static func line(
        _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)],
        _ format: Settings.LogFormat
    ) -> String {
        let time = timestamp(now)
        return switch format {
        case .text: text(time, level, message, fields.map { ($0.0, $0.1.text) })
        case .json: json(time, level, message, fields)
        }
    }

    static func text(
        _ time: String, _ level: Logger.Level, _ message: String, _ fields: [(String, String)]
    ) -> String {
        let name = level.rawValue
        var line = "\(time) \(name)\(String(repeating: " ", count: max(1, 8 - name.count)))"
        line += printable(message)
        for (key, value) in fields {
            line += " \(printable(key))="
            let isPlain = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 }
            line += isPlain ? printable(value) : "\"\(printable(value, quoted: true))\""
        }
        return line + "\n"
    }

    static func json(
        _ time: String, _ level: Logger.Level, _ message: String, _ fields: [(String, LogValue)]
    ) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        for (key, value) in [("time", time), ("level", level.rawValue), ("message", message)] {
            writer.key(key)
            writer.value(value)
        }
        // A field may not shadow the line's own keys: readers keep only one of two.
        for (key, value) in fields {
            writer.key(["time", "level", "message"].contains(key) ? key + "_" : key)
            switch value {
            case .integer(let number): writer.value(number)
            case .number(let number): writer.value(number)
            case .text(let text): writer.value(text)
            }
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    /// Text of clients reaches the log; control characters could forge lines and drive terminals.
    private static func printable(_ text: String, quoted: Bool = false) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"" where quoted, "\\" where quoted: result += "\\\(scalar)"
            case _ where scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value):
                result += scalar.escaped(asASCII: true)
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    private static var now: timespec {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now
    }

    /// RFC 3339 in UTC with milliseconds.
    static func timestamp(_ moment: timespec) -> String {
        var seconds = moment.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let numbers: [(Int, Int, String)] = [
            (Int(parts.tm_year) + 1900, 4, "-"), (Int(parts.tm_mon) + 1, 2, "-"),
            (Int(parts.tm_mday), 2, "T"), (Int(parts.tm_hour), 2, ":"), (Int(parts.tm_min), 2, ":"),
            (Int(parts.tm_sec), 2, "."), (Int(moment.tv_nsec) / 1_000_000, 3, "Z"),
        ]
        return numbers.map { value, width, separator in
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits + separator
        }.joined()
    }
}

extension Settings.LogLevel {
    var level: Logger.Level {
        switch self {
        case .debug: .debug
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}
