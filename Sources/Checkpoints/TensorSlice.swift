// TensorSlice.swift: one tensor where it lies in a mapped file.
// Nothing is copied or converted; the slice keeps its mapping alive.

import Core

/// A named, typed, bounded view into a checkpoint.
/// - `bytes.count` is exactly what shape and format need. Its address need not be aligned.
public struct TensorSlice: Sendable {
    public let name: String
    /// Row-major, outermost first; empty for a scalar. GGUF stores the reverse.
    public let shape: [Int]
    public let format: ElementFormat
    /// Valid while this slice, in a variable, or its owner lives: a chain that drops the slice on
    /// its way to the bytes reads memory that may be gone.
    public nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
    public let owner: Mapping

    /// Product of the shape.
    public var elementCount: Int { shape.reduce(1, *) }

    /// Where the tensor begins in its file.
    public var fileOffset: Int { bytes.baseAddress! - owner.bytes.baseAddress! }

    init(name: String, shape: [Int], format: ElementFormat, range: Range<Int>, owner: Mapping) {
        precondition(
            range.upperBound <= owner.bytes.count, "tensor \(name) lies outside \(owner.path)")
        self.name = name
        self.shape = shape
        self.format = format
        bytes = UnsafeRawBufferPointer(rebasing: owner.bytes[range])
        self.owner = owner
    }
}
