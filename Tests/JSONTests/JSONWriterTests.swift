// JSONWriterTests.swift: the bytes that the writer makes, and that the reader takes them back.
import JSON
import Testing

@Suite struct JSONWriterTests {
    @Test func `commas and colons come by themselves`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.value("c\"1\n\u{1}")
        writer.key("choices")
        writer.beginArray()
        writer.beginObject()
        writer.endObject()
        writer.value(-7)
        writer.value(true)
        writer.null()
        writer.value(serialized: Array("[0]".utf8))
        writer.endArray()
        writer.key("x")
        writer.value(0.1 as Float)
        writer.endObject()
        let text = #"{"id":"c\"1\n\u0001","choices":[{},-7,true,null,[0]],"x":0.1}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == text)
        writer.reset()
        writer.value(1)
        #expect(writer.bytes == [0x31])
    }

    @Test(arguments: [
        (0.1, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (1e16, "1e+16"), (1e-5, "1e-05"),
        (.leastNonzeroMagnitude, "5e-324"),
        (.infinity, "null"), (-.infinity, "null"), (.nan, "null"), (1.0 / 3, "0.3333333333333333"),
    ])
    func `doubles are the shortest that read back`(value: Double, text: String) throws {
        let bytes = JSONValue.double(value).serialized()
        #expect(String(decoding: bytes, as: UTF8.self) == text)
        if value.isFinite { #expect(try JSONReader.parse(bytes) == .double(value)) }
    }

    @Test func `random doubles and integers survive the round trip`() throws {
        for _ in 0..<20_000 {
            let double = Double(bitPattern: UInt64.random(in: 0...UInt64.max))
            if double.isFinite {
                #expect(
                    try JSONReader.parse(JSONValue.double(double).serialized()).doubleValue
                        == double)
            }
            let integer = Int.random(in: .min ... .max) >> Int.random(in: 0..<64)
            #expect(
                try JSONReader.parse(JSONValue.integer(integer).serialized()) == .integer(integer))
        }
        for integer in [Int.min, .max, 0, -1, 9, 10] {
            #expect(JSONValue.integer(integer).serialized() == Array(String(integer).utf8))
        }
    }

    @Test func `pretty text indents by two spaces`() {
        let value: JSONValue = ["a": [1, ["b": nil]], "c": [], "d": [:]]
        let text =
            "{\n  \"a\": [\n    1,\n    {\n      \"b\": null\n    }\n  ],"
            + "\n  \"c\": [],\n  \"d\": {}\n}"
        #expect(String(decoding: value.serialized(pretty: true), as: UTF8.self) == text)
    }
}
