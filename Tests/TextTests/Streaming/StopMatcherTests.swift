// StopMatcherTests.swift: stop strings are found however the text is cut, and no more is held than
// need be.
import Testing
import Text

struct StopMatcherTests {
    private func run(_ stops: [String], _ pieces: [String], include: Bool = false) -> (
        text: String, stop: String?
    ) {
        var matcher = StopMatcher(stops, includeInOutput: include)
        var text = ""
        for piece in pieces {
            let (out, stop) = matcher.append(piece)
            text += out
            if let stop { return (text, stop) }
        }
        return (text + matcher.finish(), nil)
    }

    @Test(
        arguments: [
            (["END"], "go END more", "go ", "END"),
            (["END"], "EN", "EN", nil),
            (["aab"], "aaab", "a", "aab"),
            (["b", "abc"], "xabc", "xa", "b"),
            (["bc", "abc"], "xabc", "x", "abc"),
            (["\n\n"], "a\n\nb", "a", "\n\n"),
            (["é"], "caf\u{E9}!", "caf", "é"),
            (["🙂x"], "🙂🙂x", "🙂", "🙂x"),
            (["abab"], "aababab", "a", "abab"),
            ([], "text", "text", nil),
        ] as [([String], String, String, String?)])
    func `the stop that ends first wins, however the text is cut`(
        stops: [String], text: String, out: String, stop: String?
    ) {
        let characters = text.unicodeScalars.map { String(Character($0)) }
        for cut in 0...characters.count {
            let pieces = [characters[..<cut].joined(), characters[cut...].joined()]
            let found = run(stops, pieces)
            #expect(found.text == out && found.stop == stop)
        }
        let single = run(stops, characters)
        #expect(single.text == out && single.stop == stop)
    }

    @Test func `the stop string is given out when that is asked for`() {
        let found = run(["END"], ["go E", "ND more"], include: true)
        #expect(found.text == "go END" && found.stop == "END")
    }

    @Test func `only what could become a stop string is held back`() {
        var matcher = StopMatcher(["</tool>", "stop"], includeInOutput: false)
        #expect(matcher.append("a < b").text == "a < b")
        #expect(matcher.append("</to").text == "")
        #expect(matcher.append("p").text == "</top")
        #expect(matcher.append(" st").text == " ")
        #expect(matcher.append("a").text == "sta")
        #expect(matcher.append("<").text == "")
        #expect(matcher.finish() == "<")
        #expect(matcher.append("late").text == "")
    }

    @Test func `random texts agree with searching the whole`() {
        var state: UInt64 = 5
        print("seed \(state)")
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(truncatingIfNeeded: (state >> 33) % UInt64(bound))
        }
        func word(_ length: Int) -> String {
            String((0..<length).map { _ in random(2) == 0 ? "a" : "b" })
        }
        for _ in 0..<2_000 {
            let stops = (0..<(1 + random(3))).map { _ in word(1 + random(5)) }
            let text = word(random(20))
            var expected: (text: String, stop: String?) = (text, nil)
            search: for end in 0...text.count {
                let seen = text.prefix(end)
                for stop in stops.sorted(by: { $0.count > $1.count }) where seen.hasSuffix(stop) {
                    expected = (String(seen.dropLast(stop.count)), stop)
                    break search
                }
            }
            let cut = random(text.count + 1)
            let found = run(stops, [String(text.prefix(cut)), String(text.dropFirst(cut))])
            #expect(found.text == expected.text && found.stop == expected.stop, "\(stops) \(text)")
        }
    }
}
