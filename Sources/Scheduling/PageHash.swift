// PageHash.swift: the name of a page's content: all tokens up to its end, and the salt before them.
// A keyed 128-bit hash (SipHash-1-3): without the key nobody can craft two prompts that share a
// name, so equal names are taken for equal content and no token is compared.

/// The content of one full page and of everything before it.
struct PageHash: Hashable, Sendable {
    var low: UInt64
    var high: UInt64

    /// No content: the page is not in the prefix index.
    static let none = PageHash(low: 0, high: 0)

    static func == (left: Self, right: Self) -> Bool { left.low == right.low && left.high == right.high }
    func hash(into hasher: inout Hasher) { hasher.combine(low) }
}

/// Names pages, one chain link per page.
struct PageHasher: Sendable {
    let key: (UInt64, UInt64)

    /// The start of the chain of a salt; no salt is a salt of its own, unlike any text.
    func root(salt: String?) -> PageHash {
        var state = SipState(key: key)
        guard let salt else {
            state.absorb(0)
            return state.finish()
        }
        state.absorb(1)
        var word: UInt64 = 0
        var count: UInt64 = 0
        for byte in salt.utf8 {
            word = word << 8 | UInt64(byte)
            count += 1
            if count % 8 == 0 { state.absorb(word) }
        }
        state.absorb(word)
        state.absorb(count)
        return state.finish()
    }

    /// The name of the page that holds `tokens` and follows the page named `parent`.
    func next(_ parent: PageHash, _ tokens: ArraySlice<Int32>) -> PageHash {
        var state = SipState(key: key)
        state.absorb(parent.low)
        state.absorb(parent.high)
        tokens.withUnsafeBufferPointer { tokens in
            var index = 0
            while index + 1 < tokens.count {
                let left = UInt64(UInt32(bitPattern: tokens[index]))
                state.absorb(left | UInt64(UInt32(bitPattern: tokens[index + 1])) << 32)
                index += 2
            }
            if index < tokens.count { state.absorb(UInt64(UInt32(bitPattern: tokens[index]))) }
            state.absorb(UInt64(tokens.count))
        }
        return state.finish()
    }
}

/// SipHash-1-3 with 128 bits of output, over whole words. Aumasson and Bernstein, 2012.
private struct SipState {
    var v0, v1, v2, v3: UInt64

    init(key: (UInt64, UInt64)) {
        v0 = key.0 ^ 0x736f_6d65_7073_6575
        v1 = key.1 ^ 0x646f_7261_6e64_6f6d ^ 0xee
        v2 = key.0 ^ 0x6c79_6765_6e65_7261
        v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    @inline(__always)
    mutating func absorb(_ word: UInt64) {
        v3 ^= word
        round()
        v0 ^= word
    }

    mutating func finish() -> PageHash {
        v2 ^= 0xee
        for _ in 0..<3 { round() }
        let low = v0 ^ v1 ^ v2 ^ v3
        v1 ^= 0xdd
        for _ in 0..<3 { round() }
        let high = v0 ^ v1 ^ v2 ^ v3
        // The all-zero value means "no content"; moving one value of 2^128 changes nothing.
        return low | high == 0 ? PageHash(low: 1, high: 0) : PageHash(low: low, high: high)
    }

    @inline(__always)
    private mutating func round() {
        v0 &+= v1
        v1 = v1 << 13 | v1 >> 51
        v1 ^= v0
        v0 = v0 << 32 | v0 >> 32
        v2 &+= v3
        v3 = v3 << 16 | v3 >> 48
        v3 ^= v2
        v0 &+= v3
        v3 = v3 << 21 | v3 >> 43
        v3 ^= v0
        v2 &+= v1
        v1 = v1 << 17 | v1 >> 47
        v1 ^= v2
        v2 = v2 << 32 | v2 >> 32
    }
}
