// LogOutputTests.swift: what a log line looks like, and that no client can forge one.
import Glibc
import JSON
import Logging
import Testing
@testable import tokenmill

struct LogOutputTests {
    @Test func `text has the time, the level, the message and sorted fields`() {
        let line = LogOutput.text(
            "2026-01-02T03:04:05.006Z", .info, "request", [("id", "a"), ("path", "x y")])
        #expect(line == "2026-01-02T03:04:05.006Z info    request id=a path=\"x y\"\n")
    }

    @Test(arguments: ["a\nb", "a\u{1B}[2Jb", "a\r\nforged info", "\u{7F}", "\u{9B}31m"])
    func `control characters never reach the terminal`(value: String) {
        let line = LogOutput.text("t", .info, "m", [("k", value)])
        let inner = line.dropLast()
        #expect(
            inner.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value)
            })
    }

    @Test func `JSON is one object per line, and fields do not shadow its own keys`() throws {
        let line = LogOutput.json("t", .warning, "m\"", [("level", .text("x")), ("k", .text("v\n"))])
        #expect(line.hasSuffix("\n"))
        let value = try JSONReader.parse(String(line.dropLast()))
        #expect(value["level"]?.stringValue == "warning")
        #expect(value["level_"]?.stringValue == "x")
        #expect(value["message"]?.stringValue == "m\"")
        #expect(value["k"]?.stringValue == "v\n")
    }

    @Test func `numbers are written as numbers`() throws {
        let fields: [Logger.Metadata.Value] = [.stringConvertible(7), .stringConvertible(0.25), "7"]
        let line = LogOutput.json("t", .info, "m", fields.map { ("k\($0)", LogValue($0)) })
        #expect(line.hasSuffix(#""k7":7,"k0.25":0.25,"k7":"7"}"# + "\n"))
    }

    @Test func `times are RFC 3339 in UTC`() {
        #expect(
            LogOutput.timestamp(timespec(tv_sec: 1_700_000_000, tv_nsec: 7_999_999))
                == "2023-11-14T22:13:20.007Z")
    }
}
