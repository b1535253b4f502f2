// PackedMatrix.swift: a weight matrix in the layout its kernel wants; the file's format ends here.
import Core
import Kernels

final class PackedMatrix {
    let rows: Int
    let cols: Int
    let bytes: Int
    /// What kernels read; points into the store, which outlives it.
    let record: packed_matrix

    /// - Cost: one pass over the source, two where scales have to be brought into the range of f16; none where
    ///   the store has kept what an earlier start made.
    init(
        _ source: WeightSource, mode: ComputeMode, team: WorkerTeam, store: WeightStore
    ) throws(BackendError) {
        rows = source.rows
        cols = source.cols
        let from = pack_source(
            blocks: source.bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), format: source.format.rawValue,
            rows: Int32(source.rows), cols: Int32(source.cols), row_bytes: source.format.bytes(of: source.cols))
        var plan = packed_matrix()
        guard withUnsafePointer(to: from, { pack_plan($0, mode == .float32 ? 1 : 0, &plan) }) != 0 else {
            throw .formatUnsupported(source.format)
        }
        let panels = Int(panel_count(plan.rows))
        bytes = panels * panel_bytes(plan.layout, plan.has_offsets, plan.cols)
        let planned = plan
        let piece = try store.piece(PieceKey(source, plan: planned), bytes: bytes, team: team) { memory in
            Self.pack(from, planned, into: memory, panels: panels, team: team)
        }
        plan.data = UnsafePointer(piece.base.assumingMemoryBound(to: UInt8.self))
        plan.output_scale = piece.outputScale
        record = plan
    }

    /// What its products read.
    var activations: activation_form { layout_activations(record.layout) }

    /// Answers what products are to be multiplied by.
    private static func pack(
        _ source: pack_source, _ plan: packed_matrix, into memory: UnsafeMutableRawPointer, panels: Int,
        team: WorkerTeam
    ) -> Float {
        var plan = plan
        plan.data = UnsafePointer(memory.assumingMemoryBound(to: UInt8.self))
        let packed = plan, factor = scaleFactor(source, plan, panels: panels, team: team)
        team.forEach(panels) { panel in
            withUnsafePointer(to: source) { source in
                withUnsafePointer(to: packed) { pack_panel(source, $0, Int32(panel), factor) }
            }
        }
        return 1 / factor
    }

    private static func scaleFactor(
        _ source: pack_source, _ plan: packed_matrix, panels: Int, team: WorkerTeam
    ) -> Float {
        let magnitudes = UnsafeMutableBufferPointer<Float>.allocate(capacity: panels)
        defer { magnitudes.deallocate() }
        let base = magnitudes.baseAddress!
        nonisolated(unsafe) let slots = base
        team.forEach(panels) { panel in
            withUnsafePointer(to: source) { source in
                withUnsafePointer(to: plan) {
                    slots[panel] = pack_scale_magnitude(source, $0, Int32(panel))
                }
            }
        }
        return withUnsafePointer(to: source) { pack_scale_factor($0, magnitudes.max() ?? 0) }
    }
}
