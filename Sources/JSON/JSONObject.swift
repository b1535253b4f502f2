// JSONObject.swift: the members of an object, in the order in which they were written.
// Never holds a key twice; keys are compared by code points.
// Its one idea: arrays in order, and beside them, once there are many, a table of their places.

/// An insertion-ordered map from string to value; look-up is O(1), removal O(n).
public struct JSONObject: Sendable {
    private var names: ContiguousArray<String> = []
    private var contents: ContiguousArray<JSONValue> = []
    private var places = KeyPlaces()

    public init() {}

    /// Traps if a key appears twice.
    public init(uniqueKeysWithValues pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs {
            precondition(insert(value, forNewKey: key), "key \(key) appears twice")
        }
    }

    public var count: Int { names.count }
    public var isEmpty: Bool { names.isEmpty }

    /// The keys, in order.
    public var keys: some RandomAccessCollection<String> & Sendable { names }

    /// The values, in order.
    public var values: some RandomAccessCollection<JSONValue> & Sendable { contents }

    /// The member's value. Setting an existing key keeps its place; setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { places.place(of: key, in: names).map { contents[$0] } }
        set {
            guard let newValue else {
                removeValue(forKey: key)
                return
            }
            if let place = places.place(of: key, in: names) {
                contents[place] = newValue
            } else {
                places.append(key, to: &names)
                contents.append(newValue)
            }
        }
    }

    /// Removes a member; the order of the others stays.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSONValue? {
        guard let place = places.place(of: key, in: names) else { return nil }
        names.remove(at: place)
        places = KeyPlaces(names)
        return contents.remove(at: place)
    }

    /// Appends a member and answers true, or answers false and changes nothing if the key is
    /// already there.
    @inline(__always)
    mutating func insert(_ value: JSONValue, forNewKey key: String) -> Bool {
        if names.isEmpty {
            names.reserveCapacity(4)
            contents.reserveCapacity(4)
        }
        guard places.appendIfNew(key, to: &names) else { return false }
        contents.append(value)
        return true
    }
}

extension JSONObject: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate let object: JSONObject
        fileprivate var position = 0

        public mutating func next() -> (key: String, value: JSONValue)? {
            guard position < object.names.count else { return nil }
            defer { position += 1 }
            return (object.names[position], object.contents[position])
        }
    }

    public func makeIterator() -> Iterator { Iterator(object: self) }

    public var underestimatedCount: Int { count }
}

extension JSONObject: Hashable {
    /// Same members, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        return left.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (key, value) in self {
            var member = Hasher()
            member.combine(CodePoints(string: key))
            member.combine(value)
            sum ^= member.finalize()
        }
        hasher.combine(sum)
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    /// Traps if a key appears twice.
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(uniqueKeysWithValues: elements)
    }
}
