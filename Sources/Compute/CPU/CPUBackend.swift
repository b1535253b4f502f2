// CPUBackend.swift: the backend that computes on this machine's cores.
// It keeps what the handles name and lowers operations to the C program that the worker team runs.
import Core
import Kernels

public final class CPUBackend: Backend {
    public let kernels: KernelTable
    public let mode: ComputeMode
    public let team: WorkerTeam

    private var buffers: [CPUBuffer] = []
    private let store: WeightStore
    private var matrices: [PackedMatrix] = []
    private var vectors: [UnsafeMutableBufferPointer<Float>] = []
    private var tables: [CPUTable] = []
    private var rotations: [CPURotation] = []
    private var cache: CPUCache?
    private(set) var program: CPUProgram?

    /// - store: where weights are to lie; one of its own that keeps nothing, if left out.
    public init(
        mode: ComputeMode, team: WorkerTeam, kernels: KernelTable = .best, store: WeightStore = WeightStore()
    ) {
        self.mode = mode
        self.team = team
        self.kernels = kernels
        self.store = store
        store.open(team)
    }

    deinit { vectors.forEach { $0.deallocate() } }

    public var cacheBytes: Int { cache?.bytes ?? 0 }

    public var weightBytes: Int {
        matrices.reduce(0) { $0 + $1.bytes } + tables.reduce(0) { $0 + $1.bytes }
    }

    public func makeBuffer(width: Int, rows: Int, isContiguous: Bool) throws(BackendError) -> BufferHandle {
        buffers.append(try CPUBuffer(width: width, rows: rows, isContiguous: isContiguous))
        return BufferHandle(index: buffers.count - 1)
    }

    public func makeMatrix(_ source: WeightSource) throws(BackendError) -> MatrixHandle {
        matrices.append(try PackedMatrix(source, mode: mode, team: team, store: store))
        return MatrixHandle(index: matrices.count - 1)
    }

    public func makeVector(_ values: [Float]) throws(BackendError) -> VectorHandle {
        let copy = UnsafeMutableBufferPointer<Float>.allocate(capacity: max(values.count, 1))
        _ = copy.update(fromContentsOf: values)
        vectors.append(copy)
        return VectorHandle(index: vectors.count - 1)
    }

    public func makeTable(_ source: WeightSource) throws(BackendError) -> TableHandle {
        guard [.f32, .f16, .bf16].contains(source.format)
            || integer_view_shape(source.format.rawValue).block_elements > 0
        else {
            throw .formatUnsupported(source.format)
        }
        // Read at every step: a copy, so that no answer depends on a file that others may write.
        let key = PieceKey(source, plan: nil)
        let piece = try store.piece(key, bytes: source.bytes.count, team: team) { memory in
            UnsafeMutableRawBufferPointer(start: memory, count: source.bytes.count).copyMemory(from: source.bytes)
            return 1
        }
        tables.append(
            .rows(
                WeightSource(
                    name: source.name, format: source.format, rows: source.rows, cols: source.cols,
                    bytes: UnsafeRawBufferPointer(start: piece.base, count: piece.bytes), owner: store)))
        return TableHandle(index: tables.count - 1)
    }

    public func makeTable(of matrix: MatrixHandle) -> TableHandle {
        tables.append(.matrix(matrices[matrix.index]))
        return TableHandle(index: tables.count - 1)
    }

    public func makeRotation(
        rotary: Int, cosines: [Float], sines: [Float]
    ) throws(BackendError) -> RotationHandle {
        rotations.append(
            CPURotation(rotary: rotary, cosines: try makeVector(cosines), sines: try makeVector(sines)))
        return RotationHandle(index: rotations.count - 1)
    }

    public func makeCache(
        _ groups: [CacheGroupShape], pageSize: Int, element: CacheElement
    ) throws(BackendError) {
        guard groups.count <= CACHE_GROUPS_MAX else {
            throw .shapeUnsupported(
                fact: "cache groups", value: groups.count, limit: CACHE_GROUPS_MAX)
        }
        cache = try CPUCache(groups, pageSize: pageSize, element: element)
    }

    public func touchCache(tokens: Int) { cache?.touch(tokens: tokens, team) }

    public func compile(_ operations: [Operation]) throws(BackendError) {
        precondition(operations.attendsWhatItStores, "an attention must follow the rotation of its own rows")
        for case .multiply(let products, let input, _) in operations {
            for product in products { try buffers[input.index].keep(matrices[product.matrix.index].activations) }
        }
        let lowering = CPULowering(
            buffers: buffers, matrices: matrices, vectors: vectors, tables: tables, rotations: rotations,
            cache: cache)
        var lowered = try operations.map { operation throws(BackendError) in try lowering.lower(operation) }
        let feeding = operations.indices.filter(operations.feedsOnlyNext)
        for index in feeding { lowered[index].feeds_next = 1 }
        let ownRows = feeding.map { own_rows_bytes(lowered[$0 + 1].multiply.in.pointee.width) }.max() ?? 0
        program = try CPUProgram(
            lowered, kernels: kernels, workers: team.count, ownRowsBytes: ownRows,
            attentions: operations.compactMap { if case .attend(let description, _) = $0 { description } else { nil } },
            positions: cache?.positions ?? 0)
        store.close()
    }

    public func copyPage(group: Int, from source: Int, to target: Int) {
        guard let cache else { preconditionFailure("pages copied before a cache was made") }
        cache.copyPage(group: group, from: source, to: target)
    }

    public func run(_ rows: inout StepRows) {
        guard let program else { preconditionFailure("run before compile") }
        program.run(&rows, team: team)
    }

    public func contents(of buffer: BufferHandle) -> UnsafeMutablePointer<Float> {
        buffers[buffer.index].values
    }
}

/// Cosines and sines, `[positions, rotary / 2]`.
struct CPURotation {
    let rotary: Int
    let cosines: VectorHandle
    let sines: VectorHandle
}

/// Rows that are looked up by token.
enum CPUTable {
    /// As a checkpoint stores them.
    case rows(WeightSource)
    /// Those of a matrix, which counts the bytes.
    case matrix(PackedMatrix)

    var bytes: Int {
        switch self {
        case .rows(let source): source.bytes.count
        case .matrix: 0
        }
    }
}
