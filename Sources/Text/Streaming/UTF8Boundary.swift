// UTF8Boundary.swift: where bytes that may end in the middle of a character can be cut.

enum UTF8Boundary {
    /// How many of the bytes are settled: all but a beginning of a well-formed character at the end.
    static func completeCount(_ bytes: [UInt8]) -> Int {
        // The lead byte of the last character, if at most three bytes ago.
        var lead = bytes.count - 1
        let floor = max(0, bytes.count - 3)
        while lead >= floor, bytes[lead] & 0xC0 == 0x80 { lead -= 1 }
        guard lead >= floor, let needed = width(bytes[lead]) else { return bytes.count }
        let present = bytes.count - lead
        if present >= needed { return bytes.count }
        if present >= 2, !isSecond(bytes[lead + 1], after: bytes[lead]) { return bytes.count }
        return lead
    }

    /// Bytes of a character that begins with this byte; nil when none does.
    private static func width(_ lead: UInt8) -> Int? {
        switch lead {
        case 0x00..<0x80: 1
        case 0xC2..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0..<0xF5: 4
        default: nil
        }
    }

    /// Table 3-7 of the Unicode standard: which second bytes are well-formed.
    private static func isSecond(_ byte: UInt8, after lead: UInt8) -> Bool {
        switch lead {
        case 0xE0: (0xA0...0xBF).contains(byte)
        case 0xED: (0x80...0x9F).contains(byte)
        case 0xF0: (0x90...0xBF).contains(byte)
        case 0xF4: (0x80...0x8F).contains(byte)
        default: (0x80...0xBF).contains(byte)
        }
    }
}
