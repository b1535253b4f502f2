// ByteAlphabet.swift: the 256 printable characters by which byte-level vocabularies write bytes.
// Source: the GPT-2 encoder. Bytes that print stand for themselves, the other 68 move to U+0100...
// so that a vocabulary file never holds a space or a control character.

enum ByteAlphabet {
    /// Scalar value to byte, for scalars below U+0144; -1 where none.
    private static let byteOfScalar: FrozenArray<Int16> = {
        var table = [Int16](repeating: -1, count: 0x144)
        var next = 0x100
        for byte in 0..<256 {
            let prints = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
            if prints {
                table[byte] = Int16(byte)
            } else {
                table[next] = Int16(byte)
                next += 1
            }
        }
        return FrozenArray(table)
    }()

    /// The bytes that `text`, UTF-8 in the alphabet, stands for; nil when it holds another character.
    static func bytes(of text: [UInt8]) -> [UInt8]? {
        var isValid = true
        let result = [UInt8](unsafeUninitializedCapacity: text.count) { buffer, count in
            guard let target = buffer.baseAddress else { return }
            text.withUnsafeBufferPointer { source in
                guard let base = source.baseAddress else { return }
                if let decoded = decode(base, source.count, to: target) { count = decoded } else { isValid = false }
            }
        }
        return isValid ? result : nil
    }

    /// Writes those bytes to `target`, which may be `text` itself or lie before it, and returns
    /// their number; nil, and nothing written, when the text holds another character.
    static func decode(_ text: UnsafePointer<UInt8>, _ count: Int, to target: UnsafeMutablePointer<UInt8>) -> Int? {
        if !isSpelled(text, count) { return nil }
        let table = byteOfScalar.base
        var written = 0
        var index = 0
        while index < count {
            var scalar = Int(text[index])
            if scalar >= 0x80 {
                scalar = (scalar & 0x1F) << 6 | Int(text[index + 1] & 0x3F)
                index += 1
            }
            target[written] = UInt8(truncatingIfNeeded: table[scalar])
            written += 1
            index += 1
        }
        return written
    }

    /// Whether the text holds characters of the alphabet alone.
    private static func isSpelled(_ text: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var index = 0
        while index < count {
            let byte = text[index]
            var scalar = Int(byte)
            if byte >= 0x80 {
                // The alphabet ends at U+0143, so two bytes are the most a character takes.
                guard byte >= 0xC2, byte < 0xC6, index + 1 < count else { return false }
                scalar = Int(byte & 0x1F) << 6 | Int(text[index + 1] & 0x3F)
                index += 1
            }
            guard scalar < byteOfScalar.count, byteOfScalar.base[scalar] >= 0 else { return false }
            index += 1
        }
        return true
    }
}
