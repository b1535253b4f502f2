import Testing

@testable import Service

@Suite struct HistogramTests {
    @Test(arguments: [(0.0, 0), (1.0, 0), (1.5, 1), (2.0, 1), (2.5, 2), (.infinity, 2)])
    func `a value falls into the first bucket that is not below it`(value: Double, bucket: Int) {
        var histogram = Histogram(bounds: [1, 2])
        histogram.observe(value)
        #expect(histogram.counts == (0..<3).map { $0 == bucket ? 1 : 0 })
        #expect(histogram.count == 1)
    }

    @Test func `token buckets go by one, two, five up to the context`() {
        #expect(Histogram.tokens(upTo: 64).bounds == [1, 2, 5, 10, 20, 50])
        #expect(Histogram.tokens(upTo: 1).bounds == [1])
    }

    @Test func `buckets are cumulative on the page, and labels escaped`() {
        var text = PrometheusText()
        text.family("a", .histogram, "line\nbreak \\")
        var histogram = Histogram(bounds: [0.5, 1])
        histogram.observe(0.25)
        histogram.observe(0.75, times: 2)
        histogram.observe(3)
        text.histogram("a", [("x", "q\"\\\n")], histogram)
        let expected = #"""
            # HELP a line\nbreak \\
            # TYPE a histogram
            a_bucket{x="q\"\\\n",le="0.5"} 1
            a_bucket{x="q\"\\\n",le="1.0"} 3
            a_bucket{x="q\"\\\n",le="+Inf"} 4
            a_sum{x="q\"\\\n"} 4.75
            a_count{x="q\"\\\n"} 4

            """#
        #expect(String(decoding: text.bytes, as: UTF8.self) == expected)
    }
}
