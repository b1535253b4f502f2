// KernelTable.swift: which instruction set's kernels run; chosen once, overridable for tests.
import Kernels

/// The kernels of one instruction set. All tables give the same bits; only their speed differs.
public struct KernelTable: @unchecked Sendable {
    // Immutable C tables with static lifetime: safe to share.
    let pointer: UnsafePointer<kernel_table>

    public var name: String { String(cString: pointer.pointee.name) }

    /// Every table this CPU can run, portable first, fastest last.
    public static var supported: [KernelTable] {
        (0..<Int32.max).lazy.map { kernel_table_at($0) }.prefix { $0 != nil }
            .map { KernelTable(pointer: $0!) }
    }

    public static var best: KernelTable { KernelTable(pointer: kernel_table_best()) }

    /// `nil` when no such table exists or the CPU lacks its instructions.
    public static func named(_ name: String) -> KernelTable? {
        kernel_table_named(name).map { KernelTable(pointer: $0) }
    }
}
