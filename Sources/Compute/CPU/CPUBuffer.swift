// CPUBuffer.swift: rows of activations, and the same rows in the other forms that products read.
import Kernels

final class CPUBuffer {
    let width: Int
    let rows: Int
    private static let lineFloats = 16
    private let memory: DeviceMemory
    private var quants: DeviceMemory?
    private var rounded: DeviceMemory?
    /// What the C program points at; it lives as long as this buffer.
    let record: UnsafeMutablePointer<Kernels.buffer>

    /// Rows lie an odd number of cache lines apart, so that a column of them spreads over all cache sets,
    /// unless `isContiguous`.
    init(width: Int, rows: Int, isContiguous: Bool) throws(BackendError) {
        self.width = width
        self.rows = rows
        let lines = (width + Self.lineFloats - 1) / Self.lineFloats
        let stride = isContiguous ? width : (lines | 1) * Self.lineFloats
        memory = try DeviceMemory.allocate(stride * rows * MemoryLayout<Float>.size)
        record = .allocate(capacity: 1)
        record.initialize(
            to: Kernels.buffer(
                values: nil, width: Int32(width), stride: Int32(stride), quants: nil, rounded: nil))
        record.pointee.values = values
    }

    deinit { record.deallocate() }

    var values: UnsafeMutablePointer<Float> { memory.base.assumingMemoryBound(to: Float.self) }

    /// From now on whoever writes a row also writes this form of it.
    func keep(_ form: activation_form) throws(BackendError) {
        switch form {
        case ACTIVATION_QUANTIZED: try keepQuants()
        case ACTIVATION_ROUNDED: try keepRounded()
        default: break
        }
    }

    private func keepQuants() throws(BackendError) {
        guard quants == nil else { return }
        let block = ACTIVATION_BLOCK
        precondition(width % block == 0, "integer products read rows of whole blocks, not \(width)")
        let made = try DeviceMemory.allocate(activation_rows_bytes(Int32(rows), Int32(width)))
        record.pointee.quants = made.base.assumingMemoryBound(to: UInt8.self)
        quants = made
    }

    private func keepRounded() throws(BackendError) {
        guard rounded == nil else { return }
        let made = try DeviceMemory.allocate(rows * rounded_row_bytes(Int32(width)))
        record.pointee.rounded = made.base.assumingMemoryBound(to: UInt8.self)
        rounded = made
    }
}

extension DeviceMemory {
    static func allocate(_ bytes: Int) throws(BackendError) -> DeviceMemory {
        do { return try DeviceMemory(bytes: bytes) } catch { throw .memoryRefused(bytes: error.bytes) }
    }
}
