// ComputeMode+Size.swift: how many bytes a weight takes once it is packed, without packing it.
import Core
import Kernels

extension ComputeMode {
    /// 0 for a format without kernels, which `Backend.makeMatrix` refuses.
    public func packedBytes(of source: WeightSource) -> Int {
        let from = pack_source(
            blocks: nil, format: source.format.rawValue, rows: Int32(source.rows), cols: Int32(source.cols),
            row_bytes: source.format.bytes(of: source.cols))
        var plan = packed_matrix()
        guard withUnsafePointer(to: from, { pack_plan($0, self == .float32 ? 1 : 0, &plan) }) != 0 else { return 0 }
        return Int(panel_count(plan.rows)) * panel_bytes(plan.layout, plan.has_offsets, plan.cols)
    }
}
