// Operation.swift: the vocabulary in which a model describes one step to a backend.
// Handles name things that live on the backend; a description says nothing about how it is run.

/// Rows of activations, `[rows, width]`.
public struct BufferHandle: Hashable, Sendable { let index: Int }
/// A weight matrix `[rows, cols]`: `y[r] = sum_c w[r, c] * x[c]`.
public struct MatrixHandle: Hashable, Sendable { let index: Int }
/// A vector of f32 parameters.
public struct VectorHandle: Hashable, Sendable { let index: Int }
/// A table whose rows are looked up by token.
public struct TableHandle: Hashable, Sendable { let index: Int }
/// Cosines and sines by position.
public struct RotationHandle: Hashable, Sendable { let index: Int }

/// Columns of a buffer, from `offset` on.
public struct BufferSlice: Hashable, Sendable {
    public var buffer: BufferHandle
    public var offset: Int

    public init(_ buffer: BufferHandle, offset: Int = 0) {
        self.buffer = buffer
        self.offset = offset
    }
}

public enum NormKind: Hashable, Sendable { case rootMeanSquare, layer }

public enum Activation: Hashable, Sendable { case silu, geluTanh }

/// One of several matrices that read the same rows.
public struct Product: Hashable, Sendable {
    public var matrix: MatrixHandle
    public var bias: VectorHandle?
    public var output: BufferSlice
    /// Adds to the output instead of replacing it.
    public var accumulates: Bool

    public init(
        _ matrix: MatrixHandle, bias: VectorHandle? = nil, into output: BufferSlice, accumulates: Bool = false
    ) {
        self.matrix = matrix
        self.bias = bias
        self.output = output
        self.accumulates = accumulates
    }
}

/// The attention of one layer over columns `[queries | keys | values]` of a buffer.
public struct AttentionDescription: Hashable, Sendable {
    public var projected: BufferHandle
    public var output: BufferHandle
    public var heads: Int
    public var kvHeads: Int
    public var headSize: Int
    /// Norms of query and key heads, before rotation; weights `[headSize]`, or `[heads * headSize]` with
    /// `normSpansHeads`.
    public var queryNorm: VectorHandle?
    public var keyNorm: VectorHandle?
    public var normSpansHeads = false
    public var normEpsilon: Float = 0
    /// `nil`: no position encoding.
    public var rotation: RotationHandle?
    /// Pairs `(2i, 2i + 1)` instead of `(i, i + rotary / 2)`.
    public var rotatesInterleaved = false
    /// The cache group and the layer's place in it.
    public var group: Int
    public var layerInGroup: Int
    /// Positions seen, the own one included; `nil` sees all.
    public var window: Int?
    public var scale: Float
    /// 0: none.
    public var softCap: Float = 0
    public var sinks: VectorHandle?

    public init(
        projected: BufferHandle, output: BufferHandle, heads: Int, kvHeads: Int, headSize: Int, group: Int,
        layerInGroup: Int, scale: Float
    ) {
        self.projected = projected
        self.output = output
        self.heads = heads
        self.kvHeads = kvHeads
        self.headSize = headSize
        self.group = group
        self.layerInGroup = layerInGroup
        self.scale = scale
    }
}

/// Which rows an operation works on.
public enum RowSelection: Hashable, Sendable {
    case all
    /// Only those whose logits are wanted.
    case outputs
}

/// One operation over rows of a step. With `.outputs` its buffers have the rows of `select`.
public enum Operation: Hashable, Sendable {
    /// `output = scale * table[token]`
    case embed(TableHandle, scale: Float, into: BufferHandle)
    /// Row `i` of the output is the i-th of the input's rows whose logits are wanted.
    case select(BufferHandle, into: BufferHandle)
    /// `output = norm(input) * weight + bias`
    case normalize(
        BufferHandle, kind: NormKind, weight: VectorHandle?, bias: VectorHandle?, epsilon: Float, into: BufferHandle,
        rows: RowSelection)
    /// `residual += norm(input) * weight`; the input's content is used up.
    case addNormalized(BufferHandle, weight: VectorHandle?, epsilon: Float, to: BufferHandle, rows: RowSelection)
    /// `residual += input`
    case add(BufferHandle, to: BufferHandle)
    case multiply([Product], by: BufferHandle, rows: RowSelection)
    /// Norms and rotates queries and keys in place, and writes keys and values to the cache.
    case rotateAndStore(AttentionDescription)
    /// `output = softmax(q k) v` over the cache. Its buffers have all rows: with `.outputs` only those count.
    case attend(AttentionDescription, rows: RowSelection)
    /// `output = activation(gate) * up`, `width` columns.
    case gate(
        Activation, gate: BufferSlice, up: BufferSlice, width: Int, into: BufferHandle, rows: RowSelection)
    /// `x *= factor`
    case scale(BufferHandle, factor: Float, rows: RowSelection)
    /// `x = cap * tanh(x / cap)`
    case softCap(BufferHandle, cap: Float, rows: RowSelection)
}

extension Operation {
    var rows: RowSelection {
        switch self {
        case .embed, .add, .rotateAndStore: .all
        case .select: .outputs
        case .normalize(_, _, _, _, _, _, let rows), .addNormalized(_, _, _, _, let rows),
            .multiply(_, _, let rows), .attend(_, let rows), .gate(_, _, _, _, _, let rows),
            .scale(_, _, let rows), .softCap(_, _, let rows):
            rows
        }
    }
}
