// ViterbiBuffers.swift: the arrays of a unigram search, kept between calls.
import Core

struct ViterbiBuffers {
    /// Best score of any segmentation that ends at this byte.
    var scores: [Float] = []
    /// Where the last piece of that segmentation begins; -1 when the byte is not reached.
    var starts: [Int32] = []
    var ids: [TokenID] = []

    mutating func reset(_ count: Int) {
        scores.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        scores.append(contentsOf: repeatElement(0, count: count + 1))
        starts.append(contentsOf: repeatElement(-1, count: count + 1))
        ids.append(contentsOf: repeatElement(-1, count: count + 1))
    }

    mutating func trim(_ bytesMax: Int) {
        if scores.capacity * 12 > bytesMax { self = ViterbiBuffers() }
    }
}
