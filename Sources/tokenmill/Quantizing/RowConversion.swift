// RowConversion.swift: rows of one tensor from the format of the file to another, by the kernels.
import Checkpoints
import Core
import Kernels

/// A value that no weight may have, or that the new format cannot hold.
struct UnfitValue {
    let row: Int
    let column: Int
    let value: Float
}

struct RowConversion: Sendable {
    private let source: TensorSlice
    private let target: ElementFormat
    private let elements: Int
    private let sourceBytes: Int
    private let magnitudeMax: Float
    /// Of one row.
    let targetBytes: Int

    init(_ step: QuantizationPlan.Step) {
        source = step.source
        target = step.target
        elements = step.source.rowElements
        sourceBytes = step.source.format.bytes(of: elements)
        targetBytes = step.target.bytes(of: elements)
        magnitudeMax = step.isConverted
            ? quantize_magnitude_max(step.target.rawValue) : .greatestFiniteMagnitude
    }

    /// Writes the rows one after the other, and stops at the first value that is unfit.
    /// Rows that keep their format are copied; formats without numbers are not looked into.
    func convert(rows: Range<Int>, into bytes: UnsafeMutableRawBufferPointer) -> UnfitValue? {
        withUnsafeTemporaryAllocation(of: Float.self, capacity: elements) { values in
            for (index, row) in rows.enumerated() {
                let blocks = source.bytes.baseAddress! + row * sourceBytes
                let rowBytes = bytes.baseAddress! + index * targetBytes
                if dequantize_row(source.format.rawValue, blocks, values.baseAddress!, Int64(elements)) == 1 {
                    let unfit = quantize_first_unfit(values.baseAddress!, Int64(elements), magnitudeMax)
                    guard unfit < 0 else {
                        return UnfitValue(row: row, column: Int(unfit), value: values[Int(unfit)])
                    }
                }
                if source.format == target {
                    rowBytes.copyMemory(from: blocks, byteCount: sourceBytes)
                } else {
                    let written = quantize_row(target.rawValue, values.baseAddress!, rowBytes, Int64(elements))
                    precondition(written == 1, "\(source.name): rows of \(elements) in \(target)")
                }
            }
            return nil
        }
    }

    func error(_ fault: UnfitValue) -> QuantizationError {
        guard fault.value.isFinite else {
            return .notANumber(tensor: source.name, row: fault.row, column: fault.column, value: fault.value)
        }
        return .beyondFormat(
            tensor: source.name, row: fault.row, column: fault.column, value: fault.value, format: target,
            limit: magnitudeMax)
    }
}
