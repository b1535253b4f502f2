// HTTPDate.swift: the value of a Date field (RFC 9110 section 5.6.7), kept for the second it is true.

import Glibc

/// Formats times as `Sun, 06 Nov 1994 08:49:37 GMT`.
struct HTTPDate {
    private static let days = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private var second: time_t = -1
    private var cached: [UInt8] = []

    /// - time: seconds since 1970.
    mutating func bytes(at time: time_t) -> [UInt8] {
        if time != second {
            second = time
            cached = Self.format(time)
        }
        return cached
    }

    private static func format(_ time: time_t) -> [UInt8] {
        var seconds = time
        var parts = tm()
        gmtime_r(&seconds, &parts)
        let date = "\(days[Int(parts.tm_wday)]), \(two(parts.tm_mday)) \(months[Int(parts.tm_mon)])"
        let clock = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
        return Array("\(date) \(Int(parts.tm_year) + 1900) \(clock) GMT".utf8)
    }

    private static func two(_ number: Int32) -> String {
        number < 10 ? "0\(number)" : "\(number)"
    }
}
