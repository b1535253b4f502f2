// JSONReaderTests.swift: what the reader takes, what it refuses, and where it says the fault is.
import JSON
import Material
import Testing

@Suite struct JSONReaderTests {
    @Test(
        arguments: [
            ("null", JSONValue.null), ("true", true), (" false ", false), ("0", 0), ("-0", 0),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", 9223372036854775808.0),
            ("-9223372036854775809", -9.223372036854775809e18),
            ("18446744073709551616", 18446744073709551616.0),
            ("1.0", 1.0), ("1e2", 100.0), ("1E+2", 100.0), ("2.5e-3", 0.0025),
            ("5e-324", .double(.leastNonzeroMagnitude)),
            ("1.7976931348623157e308", .double(.greatestFiniteMagnitude)), ("0e999999999999", 0.0),
            ("0.1", 0.1), ("123456789012345678901234567890", 123456789012345678901234567890.0),
            ("-12.283493995666504", -12.283493995666504), ("1e-400", 0.0),
            (#""""#, ""), (#""a\"\\\/\b\f\n\r\t""#, "a\"\\/\u{8}\u{c}\n\r\t"),
            (#""\u00e9\ud83d\ude00\u0000""#, "é😀\u{0}"),
            ("\"é😀 plain and long enough\"", "é😀 plain and long enough"),
            ("[]", []), ("[1,[2,{}]]", [1, [2, [:]]]),
            (#"{"b":1,"a":{"c":null}}"#, ["b": 1, "a": ["c": nil]]),
            ("\t\r\n [ 1 , 2 ] \n", [1, 2]),
        ] as [(String, JSONValue)])
    func `reads what RFC 8259 allows`(text: String, expected: JSONValue) throws {
        #expect(try JSONReader.parse(text) == expected)
        #expect(try JSONReader.parse(Array(text.utf8)) == expected)
    }

    @Test(
        arguments: [
            ("", 0, .unexpectedEnd), ("   ", 3, .unexpectedEnd), ("nul", 3, .unexpectedEnd),
            ("nulL", 3, .unexpectedByte(0x4C)), ("1 2", 2, .trailingByte(0x32)),
            ("01", 1, .invalidNumber),
            ("-", 1, .unexpectedEnd), ("1.", 2, .unexpectedEnd), (".5", 0, .unexpectedByte(0x2E)),
            ("1.e3", 2, .invalidNumber), ("+1", 0, .unexpectedByte(0x2B)),
            ("1e", 2, .unexpectedEnd),
            ("1e400", 0, .numberOutOfRange), ("[1,]", 3, .unexpectedByte(0x5D)),
            ("[1", 2, .unexpectedEnd),
            ("{\"a\":1,}", 7, .unexpectedByte(0x7D)), ("{\"a\" 1}", 5, .unexpectedByte(0x31)),
            ("{a:1}", 1, .unexpectedByte(0x61)), ("\"abc", 4, .unexpectedEnd),
            ("\"a\nb\"", 2, .controlCharacter(10)),
            (#""\x41""#, 1, .invalidEscape), (#""\u12g4""#, 1, .invalidEscape),
            (#""\ud800""#, 1, .loneSurrogate),
            (#""\udc00""#, 1, .loneSurrogate), (#""\ud800\u0041""#, 1, .loneSurrogate),
            (#""\u12"#, 5, .unexpectedEnd),
            (#"{"a":1,"a":2}"#, 7, .duplicateKey("a")), ("NaN", 0, .unexpectedByte(0x4E)),
            ("'a'", 0, .unexpectedByte(0x27)),
            ("\u{FEFF}1", 0, .unexpectedByte(0xEF)), ("/* */1", 0, .unexpectedByte(0x2F)),
        ] as [(String, Int, JSONError.Kind)])
    func `refuses the rest and names the place`(text: String, offset: Int, kind: JSONError.Kind) {
        #expect(throws: JSONError(offset: offset, kind: kind)) { try JSONReader.parse(text) }
    }

    @Test(
        arguments: [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
            [0x22, 0xE2, 0x82, 0x22],
            [0x22, 0x5C, 0x6E, 0xF8, 0x22],
        ] as [[UInt8]])
    func `refuses bytes that are not UTF-8`(bytes: [UInt8]) throws {
        let error = try #require(throws: JSONError.self) { try JSONReader.parse(bytes) }
        #expect(error.kind == .invalidUTF8)
    }

    @Test func `limits are errors that name them`() {
        let nested = String(repeating: "[", count: 4) + String(repeating: "]", count: 4)
        #expect(throws: Never.self) { try JSONReader.parse(nested, limits: .init(depthMax: 4)) }
        #expect(throws: JSONError(offset: 3, kind: .tooDeep(limit: 3))) {
            try JSONReader.parse(nested, limits: .init(depthMax: 3))
        }
        #expect(throws: JSONError(offset: 5, kind: .tooManyValues(limit: 3))) {
            try JSONReader.parse("[1,2,3]", limits: .init(valuesMax: 3))
        }
        #expect(throws: JSONError(offset: 6, kind: .tooLarge(bytes: 7, limit: 6))) {
            try JSONReader.parse("[1,2,3]", limits: .init(bytesMax: 6))
        }
        let bomb = String(repeating: "[", count: 1 << 20)
        #expect(throws: JSONError(offset: 128, kind: .tooDeep(limit: 128))) {
            try JSONReader.parse(bomb)
        }
    }

    @Test func `bare NaN and Infinity are read only on request`() throws {
        let limits = JSONReader.Limits(allowNaN: true)
        let value = try JSONReader.parse("[NaN, Infinity, -Infinity, -1]", limits: limits)
        #expect(value[0]?.doubleValue?.isNaN == true)
        #expect(value[1] == .double(.infinity))
        #expect(value[2] == .double(-.infinity))
        #expect(value[3] == -1)
    }

    @Test func `keys keep their order and canonical equivalents stay apart`() throws {
        let value = try JSONReader.parse("{\"z\":1,\"a\":2,\"\u{E9}\":3,\"e\u{301}\":4}")
        let object = try #require(value.objectValue)
        #expect(
            object.keys.map { Array($0.utf8) }
                == ["z", "a", "\u{E9}", "e\u{301}"].map { Array($0.utf8) })
        #expect(value["\u{E9}"] == 3)
        #expect(value["e\u{301}"] == 4)
    }

    @Test func `quotes and escapes are found at every alignment`() throws {
        for length in 0..<40 {
            let plain = String(repeating: "x", count: length)
            #expect(try JSONReader.parse("\"\(plain)\"") == .string(plain))
            #expect(
                try JSONReader.parse("\"\(plain)\\n\(plain)é\"")
                    == .string(plain + "\n" + plain + "é"))
            #expect(throws: JSONError(offset: length + 1, kind: .controlCharacter(1))) {
                try JSONReader.parse("\"\(plain)\u{1}\(plain)\"")
            }
        }
    }

    @Test func `a text cut or changed anywhere is read or refused, never a crash`() {
        let text = Array(#"{"a":[1,-2.5e3,"x\u00e9\ud83d\ude00y",true,null],"é":{"b":"\\"}}"#.utf8)
        let seed = UInt64.random(in: 0 ... .max)
        print("JSON fuzz: seed \(seed)")
        var random = SeededNumbers(seed: seed)
        for cut in 0..<text.count {
            #expect(throws: JSONError.self) { try JSONReader.parse(Array(text[..<cut])) }
        }
        for _ in 0..<20_000 {
            var changed = text
            changed[Int.random(in: 0..<text.count, using: &random)] = UInt8.random(
                in: 0...255, using: &random)
            if let value = try? JSONReader.parse(changed) {
                #expect((try? JSONReader.parse(value.serialized())) == value)
            }
        }
    }
}
