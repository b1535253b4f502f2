// JSONMutation.swift: one random change of one value inside a JSON document, for fuzz tests.
import JSON

public enum JSONMutation {
    private static let strange: [JSONValue] = [
        .null, .bool(true), .integer(-1), .integer(0), .integer(.max), .integer(.min),
        .integer(1 << 31), .double(1e300), .double(-0.5), .string(""), .string("\u{10FFFF}x"),
        .array([]), .object(JSONObject()),
    ]

    /// - next: random bits.
    public static func mutate(_ value: JSONValue, next: () -> UInt64) -> JSONValue {
        func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
        switch value {
        case .array(var items) where !items.isEmpty && below(8) > 0:
            let place = below(items.count)
            if below(12) == 0 { items.remove(at: place) } else { items[place] = mutate(items[place], next: next) }
            return .array(items)
        case .object(let object) where object.count > 0 && below(16) > 0:
            let place = below(object.count)
            var changed = JSONObject()
            for (index, (key, value)) in object.enumerated() {
                if index != place { changed[key] = value } else if below(12) > 0 {
                    changed[key] = mutate(value, next: next)
                }
            }
            return .object(changed)
        case .integer(let number) where below(2) == 0:
            return .integer(number &* [2, -1, 3, 1 << 20][below(4)] &+ below(5) &- 2)
        default: return strange[below(strange.count)]
        }
    }
}
