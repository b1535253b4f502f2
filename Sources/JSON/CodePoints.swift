// CodePoints.swift: a string that is equal to another only if its bytes are.
// Swift compares strings by canonical equivalence; a vocabulary holds both forms of one letter.
import Glibc

struct CodePoints: Hashable, Sendable {
    let string: String

    @inline(__always)
    static func == (left: CodePoints, right: CodePoints) -> Bool {
        let count = left.string.utf8.count
        guard count == right.string.utf8.count else { return false }
        let fast = left.string.utf8.withContiguousStorageIfAvailable { a in
            right.string.utf8.withContiguousStorageIfAvailable { b in
                count == 0 || memcmp(a.baseAddress!, b.baseAddress!, count) == 0
            }
        }
        if let fast, let fast { return fast }
        return left.string.utf8.elementsEqual(right.string.utf8)
    }

    @inline(__always)
    func hash(into hasher: inout Hasher) {
        let fast: Void? = string.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if fast == nil {
            for byte in string.utf8 { hasher.combine(byte) }
        }
    }
}
