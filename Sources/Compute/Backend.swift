// Backend.swift: where a model's weights, activations and cache live, and what runs its step.
// Everything is made once, at load, and named by handles; only sampled rows of logits come back.
import Core
import Kernels

/// A weight as a checkpoint stores it: row-major `[rows, cols]` blocks of `format`.
public struct WeightSource: @unchecked Sendable {
    // Reads immutable mapped memory that `owner` keeps alive.
    /// The tensor's name, by which a kept form of it is found again.
    public let name: String
    public let format: ElementFormat
    public let rows: Int
    public let cols: Int
    public let bytes: UnsafeRawBufferPointer
    public let owner: AnyObject

    public init(
        name: String, format: ElementFormat, rows: Int, cols: Int, bytes: UnsafeRawBufferPointer, owner: AnyObject
    ) {
        self.name = name
        self.format = format
        self.rows = rows
        self.cols = cols
        self.bytes = bytes
        self.owner = owner
    }
}

/// How weights are kept and multiplied.
public enum ComputeMode: String, Sendable, CaseIterable {
    /// What the machine does best with the format of the file: activations are rounded to int8 for integer
    /// weights, and to bf16 for bf16 ones.
    case auto
    /// Dequantized weights and f32 arithmetic, for checking against references.
    case float32

    /// Of greater heads, 8 bits would show beside the rounding of activations (Sources/Kernels/README.md).
    static let integerHeadSizeMax = 128

    /// How keys and values are kept, unless a setting says otherwise.
    public func cacheElement(headSize: Int) -> CacheElement {
        switch self {
        case .float32: .f32
        case .auto: headSize <= Self.integerHeadSizeMax ? .int8 : .f16
        }
    }
}

/// The element type of keys and values in the cache.
public enum CacheElement: String, Sendable, CaseIterable {
    case f32, f16, bf16
    /// Multiplied as integers, with an f32 scale per token and head.
    case int8

    /// Bytes of the keys, or of the values, of `tokens` in one layer.
    public func partBytes(kvHeads: Int, headSize: Int, tokens: Int) -> Int {
        attention_part_bytes(Int32(kvHeads), Int32(headSize), Int32(tokens), kernelValue)
    }

    /// Bytes of one element.
    var bytes: Int { attention_element_bytes(kernelValue) }

    var hasScales: Bool { attention_has_scales(kernelValue) != 0 }

    var kernelValue: attention_element {
        switch self {
        case .f32: attention_element_f32
        case .f16: attention_element_f16
        case .bf16: attention_element_bf16
        case .int8: attention_element_i8
        }
    }
}

/// The shape of one cache group's pages.
public struct CacheGroupShape: Hashable, Sendable {
    public let layers: Int
    public let kvHeads: Int
    public let headSize: Int
    public let pages: Int

    public init(layers: Int, kvHeads: Int, headSize: Int, pages: Int) {
        self.layers = layers
        self.kvHeads = kvHeads
        self.headSize = headSize
        self.pages = pages
    }

    /// Pages that memory is taken for: it comes in lots, in which a head's tokens lie together.
    public static func pagesTaken(by pages: Int, pageSize: Int) -> Int {
        let lotPages = max(1, Int(attention_lot_tokens) / pageSize)
        return (pages + lotPages - 1) / lotPages * lotPages
    }
}

/// What a backend cannot do or get.
public enum BackendError: Error, Sendable, Equatable {
    case formatUnsupported(ElementFormat)
    case shapeUnsupported(fact: String, value: Int, limit: Int)
    case memoryRefused(bytes: Int)
}

/// The rows of one step, as the backend reads them. Pointers are valid during `run`.
public typealias StepRows = step

public protocol Backend: AnyObject {
    /// `isContiguous`: rows follow each other without a gap, as whoever reads `contents` may need.
    func makeBuffer(width: Int, rows: Int, isContiguous: Bool) throws(BackendError) -> BufferHandle
    func makeMatrix(_ source: WeightSource) throws(BackendError) -> MatrixHandle
    func makeVector(_ values: [Float]) throws(BackendError) -> VectorHandle
    func makeTable(_ source: WeightSource) throws(BackendError) -> TableHandle
    /// The rows of a matrix that is there anyway.
    func makeTable(of matrix: MatrixHandle) -> TableHandle
    /// `cosines` and `sines`: `[positions, rotary / 2]`, flat.
    func makeRotation(rotary: Int, cosines: [Float], sines: [Float]) throws(BackendError) -> RotationHandle
    func makeCache(_ groups: [CacheGroupShape], pageSize: Int, element: CacheElement) throws(BackendError)
    /// Has memory for so many tokens of the cache cleared now, and not where it is first used.
    func touchCache(tokens: Int)
    /// Fixes the list of operations; nothing can be made afterwards.
    func compile(_ operations: [Operation]) throws(BackendError)
    func copyPage(group: Int, from source: Int, to target: Int)
    /// Runs the compiled operations over the rows of a step.
    func run(_ rows: inout StepRows)
    /// The content of a buffer after `run`.
    func contents(of buffer: BufferHandle) -> UnsafeMutablePointer<Float>
    /// Bytes of packed weights and tables.
    var weightBytes: Int { get }
    /// Bytes taken for keys and values; resident only where used.
    var cacheBytes: Int { get }
}
