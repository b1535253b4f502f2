// WordCache.swift: the ids of words seen before. Text repeats its words, so most never reach the
// merge loop. Each hash has one slot; a newer word replaces an older one. When the bytes or ids
// that it keeps reach their bound, it starts afresh.
import Core

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

struct WordCache {
    static let wordBytesMax = 128
    static let idsMax = 64
    private static let slotCount = 1 << 15
    private static let textBytesMax = 1 << 20
    private static let idCountMax = 1 << 18

    private struct Slot: BitwiseCopyable {
        var tag: UInt32             // upper half of the hash
        var textStart: UInt32
        var idStart: UInt32
        var textCount: UInt16       // 0 marks an empty slot
        var idCount: UInt16
    }

    private var slots: [Slot] = []
    private var text: [UInt8] = []
    private var ids: [TokenID] = []

    /// Appends the ids of a known word; false when the word is not known.
    @inline(__always)
    func append(_ word: UnsafePointer<UInt8>, _ count: Int, hash: UInt64, to output: inout [TokenID]) -> Bool {
        if slots.isEmpty { return false }
        let slot = slots.withUnsafeBufferPointer { $0[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)] }
        guard slot.tag == UInt32(truncatingIfNeeded: hash >> 32), Int(slot.textCount) == count else { return false }
        let isSame = text.withUnsafeBufferPointer { memcmp($0.baseAddress! + Int(slot.textStart), word, count) == 0 }
        guard isSame else { return false }
        ids.withUnsafeBufferPointer { known in
            let first = known.baseAddress! + Int(slot.idStart)
            if slot.idCount == 1 {
                output.append(first.pointee)
            } else {
                output.append(contentsOf: UnsafeBufferPointer(start: first, count: Int(slot.idCount)))
            }
        }
        return true
    }

    /// Remembers that `word` encodes to the ids in `output` from `start` on.
    mutating func remember(
        _ word: UnsafePointer<UInt8>, _ count: Int, hash: UInt64, _ output: [TokenID], from start: Int
    ) {
        let found = output.count - start
        guard found <= Self.idsMax, found > 0, count <= Self.wordBytesMax else { return }
        if slots.isEmpty || text.count + count > Self.textBytesMax || ids.count + found > Self.idCountMax {
            let empty = Slot(tag: 0, textStart: 0, idStart: 0, textCount: 0, idCount: 0)
            slots = Array(repeating: empty, count: Self.slotCount)
            text.removeAll(keepingCapacity: true)
            ids.removeAll(keepingCapacity: true)
        }
        slots[Int(truncatingIfNeeded: hash) & (Self.slotCount - 1)] = Slot(
            tag: UInt32(truncatingIfNeeded: hash >> 32), textStart: UInt32(text.count),
            idStart: UInt32(ids.count), textCount: UInt16(count), idCount: UInt16(found))
        text.append(contentsOf: UnsafeBufferPointer(start: word, count: count))
        ids.append(contentsOf: output[start...])
    }
}
