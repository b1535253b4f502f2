// PieceKey.swift: what a packed piece was made from, and how: equal keys stand for equal bytes.
import Core
import Kernels

struct PieceKey: Hashable, Sendable {
    /// Bytes that are looked at in each of a source's three places: reading all of them would take as
    /// long as packing. Who names a file of pieces sees to it that its sources are those of then.
    private static let sampleBytes = 1024

    /// Name, shape and form.
    let kind: UInt64
    /// The source's beginning, middle and end.
    let content: UInt64

    init(kind: UInt64, content: UInt64) {
        self.kind = kind
        self.content = content
    }

    /// - plan: how a matrix is kept; nil for rows as the source has them.
    init(_ source: WeightSource, plan: packed_matrix?) {
        var kind = StableHash()
        kind.absorb(source.name)
        for number in [Int(source.format.rawValue), source.rows, source.cols, plan == nil ? 0 : 1] {
            kind.absorb(UInt64(number))
        }
        if let plan {
            for number in [plan.layout, plan.zero, plan.quant_maximum, plan.has_offsets] {
                kind.absorb(UInt64(UInt32(bitPattern: number)))
            }
        }
        self.kind = kind.value
        content = Self.sample(source.bytes)
    }

    private static func sample(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        var hash = StableHash()
        let length = min(sampleBytes, bytes.count), last = bytes.count - length
        for start in [0, last / 2, last] {
            hash.absorb(UnsafeRawBufferPointer(rebasing: bytes[start..<start + length]))
        }
        return hash.value
    }
}
