// PackedForms.swift: a name for how every format is packed, taken from packing itself, so that pieces
// of an older program are known as such without anybody having to remember.
import Core
import Kernels

enum PackedForms {
    private static let rows = 16, cols = 256

    /// What packing makes of a few known blocks of each format.
    static let fingerprint: UInt64 = {
        var hash = StableHash()
        for format in ElementFormat.allCases { absorb(format, into: &hash) }
        return hash.value
    }()

    private static func absorb(_ format: ElementFormat, into hash: inout StableHash) {
        let rowBytes = format.bytes(of: cols)
        var number: UInt32 = 1
        let blocks = (0..<rows * rowBytes).map { _ in
            number = number &* 1_664_525 &+ 1_013_904_223
            return UInt8(truncatingIfNeeded: number >> 24)
        }
        blocks.withUnsafeBufferPointer { blocks in
            let source = pack_source(
                blocks: blocks.baseAddress, format: format.rawValue, rows: Int32(rows), cols: Int32(cols),
                row_bytes: rowBytes)
            var plan = packed_matrix()
            guard withUnsafePointer(to: source, { pack_plan($0, 0, &plan) }) != 0 else { return }
            let panel = UnsafeMutableRawBufferPointer.allocate(
                byteCount: panel_bytes(plan.layout, plan.has_offsets, plan.cols), alignment: 64)
            defer { panel.deallocate() }
            panel.initializeMemory(as: UInt8.self, repeating: 0)
            plan.data = UnsafePointer(panel.baseAddress!.assumingMemoryBound(to: UInt8.self))
            withUnsafePointer(to: source) { source in
                withUnsafePointer(to: plan) { pack_panel(source, $0, 0, 1) }
            }
            hash.absorb(UInt64(format.rawValue))
            hash.absorb(UnsafeRawBufferPointer(panel))
        }
    }
}
