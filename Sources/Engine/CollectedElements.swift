// CollectedElements.swift: the few elements of a row that lie within bounds, without a branch for each of the many.
import Kernels

/// Kept from row to row for its memory.
struct CollectedElements {
    /// Ascending by index; with room behind those that count.
    private(set) var values: [Float] = []
    /// Where in the row they are.
    private(set) var indices: [Int32] = []
    /// How many of both count.
    private(set) var count = 0

    /// Replaces them by what is at least so great, and less than `bound` unless that is NaN, in some ranges of a row.
    /// Returns how many those are, of which the first `most` are kept.
    mutating func collect(
        _ row: UnsafePointer<Float>, in ranges: some Sequence<Range<Int>>, atLeast least: Float, bound: Float = .nan,
        most: Int, _ kernels: UnsafePointer<statistics_kernels>
    ) -> Int {
        if values.count < most {
            values = Array(repeating: 0, count: most)
            indices = Array(repeating: 0, count: most)
        }
        let found = values.withUnsafeMutableBufferPointer { values in
            indices.withUnsafeMutableBufferPointer { indices in
                var out = collection(
                    values: values.baseAddress!, indices: indices.baseAddress!, capacity: Int32(most), found: 0)
                for range in ranges {
                    kernels.pointee.collect_within_f32(
                        row, Int32(range.lowerBound), Int32(range.upperBound), least, bound, &out)
                }
                return Int(out.found)
            }
        }
        count = min(found, most)
        return found
    }
}
