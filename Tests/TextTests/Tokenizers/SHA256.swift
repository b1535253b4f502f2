// SHA256.swift: the hash of FIPS 180-4, for comparing long id lists with the manifest.

enum SHA256 {
    private static let constants: [UInt32] = {
        // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
        var primes: [UInt32] = []
        var candidate: UInt32 = 2
        while primes.count < 64 {
            if primes.allSatisfy({ candidate % $0 != 0 }) { primes.append(candidate) }
            candidate += 1
        }
        return primes.map { fraction($0, power: 3) }
    }()

    private static let start: [UInt32] = [2, 3, 5, 7, 11, 13, 17, 19].map { fraction($0, power: 2) }

    /// The first 32 bits of the fractional part of the `power`-th root, by bisection in integers.
    private static func fraction(_ number: UInt32, power: Int) -> UInt32 {
        func product(_ root: UInt64) -> (high: UInt64, low: UInt64) {
            // root < 2^36 here, so its cube has at most 108 bits.
            let square = root.multipliedFullWidth(by: root)
            if power == 2 { return (square.high, square.low) }
            let low = square.low.multipliedFullWidth(by: root)
            return (square.high * root + low.high, low.low)
        }
        let shift = 32 * power
        let wanted: (high: UInt64, low: UInt64) = (UInt64(number) << UInt64(shift - 64), 0)
        var low: UInt64 = 0
        var high: UInt64 = 1 << 37
        while low + 1 < high {
            let middle = (low + high) / 2
            let found = product(middle)
            if found.high < wanted.high || (found.high == wanted.high && found.low <= wanted.low) {
                low = middle
            } else {
                high = middle
            }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    static func hexadecimal(of message: [UInt8]) -> String {
        var data = message + [0x80]
        while data.count % 64 != 56 { data.append(0) }
        withUnsafeBytes(of: UInt64(message.count * 8).bigEndian) { data.append(contentsOf: $0) }
        var hash = start
        var words = [UInt32](repeating: 0, count: 64)
        for block in stride(from: 0, to: data.count, by: 64) {
            for index in 0..<16 {
                let at = block + index * 4
                words[index] = UInt32(data[at]) << 24 | UInt32(data[at + 1]) << 16 | UInt32(data[at + 2]) << 8
                    | UInt32(data[at + 3])
            }
            round(&hash, &words)
        }
        return hash.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    private static func rotated(_ value: UInt32, _ count: UInt32) -> UInt32 { value >> count | value << (32 - count) }

    private static func round(_ hash: inout [UInt32], _ words: inout [UInt32]) {
        for index in 16..<64 {
            let (first, last) = (words[index - 15], words[index - 2])
            let small = rotated(first, 7) ^ rotated(first, 18) ^ first >> 3
            let large = rotated(last, 17) ^ rotated(last, 19) ^ last >> 10
            words[index] = words[index - 16] &+ small &+ words[index - 7] &+ large
        }
        var s = hash
        for index in 0..<64 {
            let sum1 = rotated(s[4], 6) ^ rotated(s[4], 11) ^ rotated(s[4], 25)
            let choice = (s[4] & s[5]) ^ (~s[4] & s[6])
            let first = s[7] &+ sum1 &+ choice &+ constants[index] &+ words[index]
            let sum0 = rotated(s[0], 2) ^ rotated(s[0], 13) ^ rotated(s[0], 22)
            let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
            s = [first &+ sum0 &+ majority, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
        }
        for index in 0..<8 { hash[index] = hash[index] &+ s[index] }
    }
}
