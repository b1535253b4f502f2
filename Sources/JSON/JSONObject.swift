// JSONObject.swift: the members of an object, in the order in which they were written.
// Never holds a key twice; keys are compared by code points.
import OrderedCollections

/// An insertion-ordered map from string to value; look-up is O(1), removal O(n).
public struct JSONObject: Sendable {
    private var members: OrderedDictionary<CodePoints, JSONValue> = [:]

    public init() {}

    /// Traps if a key appears twice.
    public init(uniqueKeysWithValues pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs {
            precondition(insert(value, forNewKey: key), "key \(key) appears twice")
        }
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }

    /// The keys, in order.
    public var keys: some RandomAccessCollection<String> & Sendable {
        KeyList(keys: members.keys)
    }

    /// The values, in order.
    public var values: some RandomAccessCollection<JSONValue> { members.values }

    /// The member's value. Setting an existing key keeps its place; setting nil removes it.
    public subscript(key: String) -> JSONValue? {
        get { members[CodePoints(string: key)] }
        set { members[CodePoints(string: key)] = newValue }
    }

    /// Removes a member; the order of the others stays.
    @discardableResult
    public mutating func removeValue(forKey key: String) -> JSONValue? {
        members.removeValue(forKey: CodePoints(string: key))
    }

    /// Appends a member and answers true, or answers false if the key is already there; the
    /// object is then of no further use to a caller that must not overwrite.
    mutating func insert(_ value: JSONValue, forNewKey key: String) -> Bool {
        members.updateValue(value, forKey: CodePoints(string: key)) == nil
    }
}

extension JSONObject: Sequence {
    public struct Iterator: IteratorProtocol {
        fileprivate let members: OrderedDictionary<CodePoints, JSONValue>
        fileprivate var position = 0

        public mutating func next() -> (key: String, value: JSONValue)? {
            guard position < members.count else { return nil }
            let member = members.elements[position]
            position += 1
            return (member.key.string, member.value)
        }
    }

    public func makeIterator() -> Iterator { Iterator(members: members) }

    public var underestimatedCount: Int { count }
}

extension JSONObject: Hashable {
    /// Same members, in any order.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        guard left.count == right.count else { return false }
        return left.members.allSatisfy { right.members[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        var sum = 0
        for (key, value) in members {
            var member = Hasher()
            member.combine(key)
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

private struct KeyList: RandomAccessCollection, Sendable {
    let keys: OrderedSet<CodePoints>
    var startIndex: Int { 0 }
    var endIndex: Int { keys.count }
    subscript(position: Int) -> String { keys[position].string }
}
