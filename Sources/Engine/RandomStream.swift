// RandomStream.swift: random numbers by place, not by order of drawing.
// A draw is a pure function of seed, choice and token index, so that neither the batch, nor
// preemption, nor the other choices can change it. Philox4x32-10 (Salmon et al., SC 2011).

enum RandomStream {
    /// A number in [0, 1) with 53 random bits.
    static func uniform(seed: UInt64, choice: Int, index: Int) -> Double {
        let words = philox(
            counter: (
                UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
                UInt32(truncatingIfNeeded: choice), 0
            ),
            key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        let bits = UInt64(words.0) << 32 | UInt64(words.1)
        return Double(bits >> 11) * 0x1p-53
    }

    static func philox(
        counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
    ) -> (UInt32, UInt32, UInt32, UInt32) {
        var (x, k) = (counter, key)
        for _ in 0..<10 {
            let left = UInt64(x.0) &* 0xd251_1f53
            let right = UInt64(x.2) &* 0xcd9e_8d57
            x = (
                UInt32(truncatingIfNeeded: right >> 32) ^ x.1 ^ k.0, UInt32(truncatingIfNeeded: right),
                UInt32(truncatingIfNeeded: left >> 32) ^ x.3 ^ k.1, UInt32(truncatingIfNeeded: left)
            )
            k = (k.0 &+ 0x9e37_79b9, k.1 &+ 0xbb67_ae85)
        }
        return x
    }
}
