// MatmulSupport.swift: what the tests of packed products share: random matrices, and products by any table.
import Foundation
import Kernels
import Material
import Testing

/// A random packed matrix and what its weights mean.
struct RandomMatrix {
    let record: packed_matrix
    let memory: UnsafeMutableRawPointer

    init(layout: Int32, rows: Int, cols: Int, quantMaximum: Int, hasOffsets: Bool, using generator: inout SeededNumbers) {
        let bytes = Int(panel_count(Int32(rows))) * panel_bytes(layout, hasOffsets ? 1 : 0, Int32(cols))
        memory = .allocate(byteCount: bytes, alignment: 64)
        if layout_is_float(layout) != 0 {
            Self.fillFloats(memory, bytes, layout, &generator)
        } else {
            Self.fillBlocks(memory, bytes, layout, quantMaximum, hasOffsets, &generator)
        }
        // Formats with a table: MXFP4, whose quants end at 24, and IQ4_NL.
        let view = integer_view_shape(quantMaximum == 24 ? 39 : 20), isTable = layout == Int32(LAYOUT_T4_G32.rawValue)
        let middle = hasOffsets ? 0 : Int32((quantMaximum + 1) / 2)
        record = packed_matrix(
            data: UnsafePointer(memory.assumingMemoryBound(to: UInt8.self)), layout: layout, rows: Int32(rows),
            cols: Int32(cols), zero: isTable ? view.zero_point : middle,
            quant_maximum: Int32(quantMaximum), has_offsets: hasOffsets ? 1 : 0, output_scale: 0.25,
            table: isTable ? view.table : nil)
    }

    private static func fillFloats(
        _ memory: UnsafeMutableRawPointer, _ bytes: Int, _ layout: Int32, _ generator: inout SeededNumbers
    ) {
        if layout == Int32(LAYOUT_F32.rawValue) {
            for index in 0..<bytes / 4 {
                memory.storeBytes(of: Float.random(in: -1...1, using: &generator), toByteOffset: 4 * index, as: Float.self)
            }
            return
        }
        // 0x3000 ... 0x3bff: moderate numbers as f16 and as bf16, either sign.
        for index in 0..<bytes / 2 {
            let bits = UInt16.random(in: 0x3000...0x3bff, using: &generator) | UInt16(index % 2) << 15
            memory.storeBytes(of: bits, toByteOffset: 2 * index, as: UInt16.self)
        }
    }

    private static func fillBlocks(
        _ memory: UnsafeMutableRawPointer, _ bytes: Int, _ layout: Int32, _ quantMaximum: Int, _ hasOffsets: Bool,
        _ generator: inout SeededNumbers
    ) {
        let isNibble = layout_bits(layout) == 4, nibbleMaximum = UInt8(min(15, quantMaximum))
        let block = panel_block_bytes(layout, hasOffsets ? 1 : 0), quants = isNibble ? 256 : 512
        for start in stride(from: 0, to: bytes, by: block) {
            for index in 0..<quants {
                let low = UInt8.random(in: 0...(isNibble ? nibbleMaximum : UInt8(quantMaximum)), using: &generator)
                let high = isNibble ? UInt8.random(in: 0...nibbleMaximum, using: &generator) << 4 : 0
                memory.storeBytes(of: low | high, toByteOffset: start + index, as: UInt8.self)
            }
            for index in stride(from: quants, to: block, by: 2) {
                let bits = UInt16.random(in: 0x2000...0x3400, using: &generator) | UInt16.random(in: 0...1, using: &generator) << 15
                memory.storeBytes(of: bits, toByteOffset: start + index, as: UInt16.self)
            }
        }
    }
}

enum Products {
    /// Slot 0 of a group.
    static func quantized(_ table: UnsafePointer<kernel_table>, _ x: [Float]) -> [UInt8] {
        bytes(inputs(table, ACTIVATION_QUANTIZED, x, cols: x.count).memory)
    }

    static func rounded(_ table: UnsafePointer<kernel_table>, _ x: [Float]) -> [UInt8] {
        bytes(inputs(table, ACTIVATION_ROUNDED, x, cols: x.count).memory)
    }

    /// All panels, added to `sums` if there are such, otherwise once replacing and once adding.
    /// - meanwhile: what the kernel may fetch.
    static func of(
        _ table: UnsafePointer<kernel_table>, _ matrix: packed_matrix, _ x: [Float], count: Int,
        addedTo sums: [Float]? = nil, meanwhile: UnsafeMutablePointer<fetch_list>? = nil
    ) -> [Float] {
        let rows = Int(matrix.rows)
        let (input, stride) = inputs(table, layout_activations(matrix.layout), x, cols: Int(matrix.cols))
        let scratchBytes = Int(PRODUCT_SCRATCH_BYTES)
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: scratchBytes + 64, alignment: 64)
        scratch.initializeMemory(as: UInt8.self, repeating: 0xa5)
        defer {
            #expect(scratch[scratchBytes...].allSatisfy { $0 == 0xa5 }, "more scratch written than there is")
            input.deallocate()
            scratch.deallocate()
        }
        var y = sums ?? [Float](repeating: 0, count: count * rows)
        let multiply = panels_kernel(table.pointee.matmul, matrix.layout)!
        let panels = panel_range(begin: 0, end: panel_count(matrix.rows))
        y.withUnsafeMutableBufferPointer { y in
            for accumulate: Int32 in sums == nil ? [0, 1] : [1] {
                let products = product_rows(
                    x: UnsafePointer(input.baseAddress?.assumingMemoryBound(to: UInt8.self)), x_stride: stride,
                    y: y.baseAddress, y_stride: rows, count: Int32(count), accumulate: accumulate,
                    scratch: scratch.baseAddress!.assumingMemoryBound(to: UInt8.self), meanwhile: meanwhile)
                withUnsafePointer(to: matrix) { matrix in
                    withUnsafePointer(to: products) { multiply(matrix, panels, $0) }
                }
            }
        }
        return y
    }

    /// `x` as rows of `cols` values in a form that products read; the caller deallocates.
    private static func inputs(
        _ table: UnsafePointer<kernel_table>, _ form: activation_form, _ x: [Float], cols: Int
    ) -> (memory: UnsafeMutableRawBufferPointer, stride: Int) {
        let rows = x.count / cols, width = Int32(cols)
        let (bytes, stride) = switch form {
        case ACTIVATION_QUANTIZED: (activation_rows_bytes(Int32(rows), width), activation_group_bytes(width))
        case ACTIVATION_ROUNDED: (rows * rounded_row_bytes(width), rounded_row_bytes(width))
        default: (rows * cols * 4, cols * 4)
        }
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        let first = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
        for row in 0..<rows {
            let values = Array(x[row * cols..<(row + 1) * cols])
            switch form {
            case ACTIVATION_QUANTIZED:
                table.pointee.matmul.pointee.quantize_row(
                    activation_group(first, Int32(row), width), Int32(row % ACTIVATION_SLOTS), values, 0, width)
            case ACTIVATION_ROUNDED: round_row(table.pointee.rows, first + row * stride, values, width, 0, width)
            default: memcpy(first + row * stride, values, stride)
            }
        }
        return (memory, stride)
    }

    private static func bytes(_ memory: UnsafeMutableRawBufferPointer) -> [UInt8] {
        defer { memory.deallocate() }
        return Array(memory)
    }
}
