// TemplateClock.swift: the moment that a template may print, given from outside.
import Glibc

/// A local date and time, to the second.
public struct TemplateClock: Sendable, Hashable {
    public let year: Int
    public let month: Int
    public let day: Int
    public let hour: Int
    public let minute: Int
    public let second: Int

    /// Traps unless the values name a moment of the Gregorian calendar.
    public init(year: Int, month: Int, day: Int, hour: Int = 0, minute: Int = 0, second: Int = 0) {
        precondition((1...12).contains(month) && (1...31).contains(day), "no such day")
        precondition(
            (0...23).contains(hour) && (0...59).contains(minute) && (0...60).contains(second),
            "no such time")
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// Now, in the machine's time zone.
    public static func system() -> TemplateClock {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return TemplateClock(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1,
            day: Int(parts.tm_mday), hour: Int(parts.tm_hour), minute: Int(parts.tm_min),
            second: Int(parts.tm_sec))
    }
}

extension TemplateClock {
    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]
    private static let days = [
        "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
    ]

    /// Days from 1 March of year 0 to the first of this month, by the usual shifted calendar.
    private var dayNumber: Int {
        let shifted = month > 2 ? month - 3 : month + 9
        let years = month > 2 ? year : year - 1
        let leaps = years / 4 - years / 100 + years / 400
        return years * 365 + leaps + (153 * shifted + 2) / 5 + day - 1
    }

    /// 0 is Sunday.
    var weekday: Int { (dayNumber + 3) % 7 }

    /// 1 is the first of January.
    var dayOfYear: Int {
        dayNumber - TemplateClock(year: year, month: 1, day: 1).dayNumber + 1
    }

    /// The moment in the words of C's `strftime` in the C locale; unknown directives stay.
    func formatted(_ format: String) -> String {
        var result = ""
        var scalars = format.unicodeScalars.makeIterator()
        while let scalar = scalars.next() {
            guard scalar == "%" else {
                result.unicodeScalars.append(scalar)
                continue
            }
            guard var directive = scalars.next() else { return result + "%" }
            var padding: Character?
            if directive == "-" || directive == "_" || directive == "0" {
                padding = Character(directive)
                guard let next = scalars.next() else { return result + "%\(padding!)" }
                directive = next
            }
            result += text(of: directive, padding: padding) ?? "%\(directive)"
        }
        return result
    }

    private func text(of directive: Unicode.Scalar, padding: Character?) -> String? {
        let hour12 = hour % 12 == 0 ? 12 : hour % 12
        func number(_ value: Int, _ width: Int, _ fill: Character = "0") -> String {
            let digits = String(value)
            if padding == "-" { return digits }
            let filler = padding == "_" ? " " : padding == "0" ? "0" : fill
            return String(repeating: filler, count: max(0, width - digits.count)) + digits
        }
        switch directive {
        case "Y": return number(year, 4)
        case "C": return number(year / 100, 2)
        case "y": return number(year % 100, 2)
        case "m": return number(month, 2)
        case "d": return number(day, 2)
        case "e": return number(day, 2, " ")
        case "H": return number(hour, 2)
        case "k": return number(hour, 2, " ")
        case "I": return number(hour12, 2)
        case "l": return number(hour12, 2, " ")
        case "M": return number(minute, 2)
        case "S": return number(second, 2)
        case "f": return "000000"
        case "j": return number(dayOfYear, 3)
        case "w": return String(weekday)
        case "u": return String(weekday == 0 ? 7 : weekday)
        case "U": return number((dayOfYear + 6 - weekday) / 7, 2)
        case "W": return number((dayOfYear + 6 - (weekday + 6) % 7) / 7, 2)
        case "p": return hour < 12 ? "AM" : "PM"
        case "A": return Self.days[weekday]
        case "a": return String(Self.days[weekday].prefix(3))
        case "B": return Self.months[month - 1]
        case "b", "h": return String(Self.months[month - 1].prefix(3))
        default: return composed(directive)
        }
    }

    private func composed(_ directive: Unicode.Scalar) -> String? {
        switch directive {
        case "%": "%"
        case "n": "\n"
        case "t": "\t"
        case "Z", "z": ""
        case "D", "x": formatted("%m/%d/%y")
        case "F": formatted("%Y-%m-%d")
        case "T", "X": formatted("%H:%M:%S")
        case "R": formatted("%H:%M")
        case "r": formatted("%I:%M:%S %p")
        case "c": formatted("%a %b %e %H:%M:%S %Y")
        default: nil
        }
    }
}
