// RowsSupport.swift: what the kernel tests share: the tables this CPU runs, seeded numbers, and
// comparisons.
// One idea: every check names the table and the seed, so a failure can be replayed.

import Foundation
import Kernels
import Material
import Testing

/// One instruction set's kernels.
struct KernelSet: @unchecked Sendable, CustomTestStringConvertible {
    // Immutable C tables.
    let table: UnsafePointer<kernel_table>

    var name: String { String(cString: table.pointee.name) }
    var rows: row_kernels { table.pointee.rows.pointee }
    var attention: attention_kernels { table.pointee.attention.pointee }
    var statistics: statistics_kernels { table.pointee.statistics.pointee }
    var testDescription: String { name }

    /// Every set that this CPU can run, portable first.
    static let all: [KernelSet] = {
        var sets: [KernelSet] = []
        while let table = kernel_table_at(Int32(sets.count)) { sets.append(KernelSet(table: table)) }
        print("kernel tables under test: " + sets.map(\.name).joined(separator: ", "))
        return sets
    }()

    static var portable: KernelSet { all[0] }

    /// The SIMD sets, which must give the bits of the portable one.
    static var twins: [KernelSet] { Array(all.dropFirst()) }
}

extension SeededNumbers {
    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func floats(_ count: Int, magnitude: Float = 1) -> [Float] {
        (0..<count).map { _ in Float.random(in: -magnitude...magnitude, using: &self) }
    }

    /// Any bit pattern: infinities, NaN, denormals and ties of the narrow formats come up often.
    mutating func anyBits(_ count: Int) -> [Float] {
        let special: [UInt32] = [
            0, 0x8000_0000, 0x7f80_0000, 0xff80_0000, 0x7fc0_0000, 0xffc0_0001, 1, 0x8000_0001,
            0x0080_0000, 0x7f7f_ffff, 0x3880_0000, 0x3300_0000, 0x3300_0001, 0x477f_efff,
            0x477f_f000, 0x387f_ffff,
        ]
        return (0..<count).map { _ in
            let bits = UInt32(truncatingIfNeeded: next())
            return Float(bitPattern: bits % 4 == 0 ? special[integer(0...15)] : bits)
        }
    }
}

/// Equal bits, any NaN being equal to any other.
func sameBits(_ left: [Float], _ right: [Float]) -> Bool {
    left.count == right.count
        && zip(left, right).allSatisfy { $0.bitPattern == $1.bitPattern || $0.isNaN && $1.isNaN }
}

/// The greatest |a - b| / (1 + |b|).
func greatestError(_ values: [Float], _ reference: [Double]) -> Double {
    zip(values, reference).map { abs(Double($0) - $1) / (1 + abs($1)) }.max() ?? 0
}
