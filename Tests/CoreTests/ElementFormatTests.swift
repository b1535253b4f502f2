import Core
import Testing

struct ElementFormatTests {
    @Test func `a row of whole blocks takes the bytes of its blocks`() {
        #expect(ElementFormat.q4_1.bytes(of: 576) == 360)
        #expect(ElementFormat.q6_K.bytes(of: 512) == 420)
        #expect(ElementFormat.bf16.bytes(of: 3) == 6)
    }

    @Test(arguments: ElementFormat.allCases)
    func `every format has blocks`(format: ElementFormat) {
        #expect(format.blockElements > 0)
        #expect(format.blockBytes > 0)
        #expect(format.bytes(of: 0) == 0)
    }
}
