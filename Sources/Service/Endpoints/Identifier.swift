// Identifier.swift: names nobody can guess or meet twice, in hexadecimal.

/// Makes random identifiers.
public enum Identifier {
    private static let digits = Array("0123456789abcdef".utf8)

    /// `2 * bytes` hexadecimal digits from the system's random source.
    public static func random(bytes: Int) -> String {
        var generator = SystemRandomNumberGenerator()
        var text: [UInt8] = []
        text.reserveCapacity(2 * bytes)
        var word: UInt64 = 0
        for index in 0..<bytes {
            if index % 8 == 0 { word = generator.next() }
            text.append(digits[Int(word & 15)])
            text.append(digits[Int(word >> 4 & 15)])
            word >>= 8
        }
        return String(decoding: text, as: UTF8.self)
    }
}
