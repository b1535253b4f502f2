// Dictionary.swift: Python's dict: insertion-ordered, with keys of any hashable type.
// 1, 1.0 and True are one key, as in Python.
import JSON

extension Jinja {
    /// A key by which equal values meet.
    enum Key: Hashable {
        case undefined
        case none
        case integer(Int128)
        case double(Double)
        case text([UInt8])
        case tuple([Key])
        case object(ObjectIdentifier)
    }

    struct Dictionary {
        private(set) var keys: [Value] = []
        private(set) var values: [Value] = []
        private(set) var depth = 1
        /// Places by key; made when the first entry is added.
        private var places: [Key: Int] = [:]

        init() {}

        init(_ object: JSONObject) {
            keys.reserveCapacity(object.count)
            values.reserveCapacity(object.count)
            places.reserveCapacity(object.count)
            for (key, value) in object {
                set(.string(key), .text(Array(key.utf8)), to: Value(value))
            }
        }

        var count: Int { keys.count }

        func value(_ key: Key) -> Value? { places[key].map { values[$0] } }

        func value(_ name: String) -> Value? { value(.text(Array(name.utf8))) }

        mutating func set(_ keyValue: Value, _ key: Key, to value: Value) {
            depth = max(depth, max(value.depth, keyValue.depth) + 1)
            if let place = places[key] {
                values[place] = value
            } else {
                places[key] = keys.count
                keys.append(keyValue)
                values.append(value)
            }
        }

        mutating func set(_ name: String, to value: Value) {
            set(.string(name), .text(Array(name.utf8)), to: value)
        }

        /// Pairs of key and value, in order.
        var items: [Value] { zip(keys, values).map { .tuple([$0, $1]) } }
    }
}
