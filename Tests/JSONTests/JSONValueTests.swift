// JSONValueTests.swift: accessors, order and equality of values.
import JSON
import Testing

@Suite struct JSONValueTests {
    @Test func `integers are exact and doubles may be whole`() {
        #expect(JSONValue.double(3).intValue == 3)
        #expect(JSONValue.double(3.5).intValue == nil)
        #expect(JSONValue.double(1e300).intValue == nil)
        #expect(JSONValue.integer(3).doubleValue == 3)
        #expect(JSONValue.string("3").intValue == nil)
        #expect(JSONValue.integer(1) != .double(1))
        #expect(JSONValue.integer(1) != .bool(true))
    }

    @Test func `an object keeps order, and equality ignores it`() {
        var object: JSONObject = ["b": 1, "a": 2]
        object["c"] = 3
        object["b"] = 4
        #expect(Array(object.keys) == ["b", "a", "c"])
        #expect(object.map(\.value) == [4, 2, 3])
        object["b"] = nil
        #expect(Array(object.keys) == ["a", "c"])
        #expect(object.count == 2)
        let left: JSONObject = ["x": 1, "y": [2]]
        let right: JSONObject = ["y": [2], "x": 1]
        #expect(left == right)
        #expect(left.hashValue == right.hashValue)
        #expect(left != ["x": 1, "y": [3]])
    }

    @Test func `subscripts outside answer nil`() {
        let value: JSONValue = ["a": [1, 2]]
        #expect(value["a"]?[1] == 2)
        #expect(value["a"]?[2] == nil)
        #expect(value["a"]?[-1] == nil)
        #expect(value["b"] == nil)
        #expect(value[0] == nil)
    }

    @Test func `canonically equivalent strings are different values`() {
        #expect(JSONValue.string("\u{E9}") != .string("e\u{301}"))
        #expect(Set<JSONValue>(["\u{E9}", "e\u{301}", "\u{E9}"]).count == 2)
    }
}
