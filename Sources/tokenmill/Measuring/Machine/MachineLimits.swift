// MachineLimits.swift: what this machine could do at best, by trying; see machine.h.
import JSON
import Kernels

struct MachineLimits: Sendable, Hashable {
    /// Whose instructions the arithmetic uses.
    let kernels: String
    let threads: Int
    let readBytesPerSecond: Double
    let int8OperationsPerSecond: Double
    let f32OperationsPerSecond: Double
    /// `nil` where the kernels' instruction set, or the CPU, has none.
    let bf16OperationsPerSecond: Double?

    /// - seconds: for each of the four.
    static func measure(
        kernels: String, threads: Int, seconds: Double
    ) throws(CommandFailure) -> MachineLimits {
        func peak(_ quantity: machine_quantity) throws(CommandFailure) -> Double {
            let rate = machine_peak(quantity, kernels, Int32(threads), seconds)
            guard rate >= 0 else {
                throw CommandFailure(
                    "the system refused \(threads) threads or the memory to read",
                    advice: "lower --threads, or free some memory")
            }
            return rate
        }
        let bf16 = try peak(MACHINE_BF16_OPERATIONS)
        return MachineLimits(
            kernels: kernels, threads: threads, readBytesPerSecond: try peak(MACHINE_READ_BYTES),
            int8OperationsPerSecond: try peak(MACHINE_INT8_OPERATIONS),
            f32OperationsPerSecond: try peak(MACHINE_F32_OPERATIONS),
            bf16OperationsPerSecond: bf16 > 0 ? bf16 : nil)
    }

    var json: JSONValue {
        [
            "kernels": .string(kernels), "threads": .integer(threads),
            "read_bytes_per_second": .double(readBytesPerSecond),
            "int8_operations_per_second": .double(int8OperationsPerSecond),
            "f32_operations_per_second": .double(f32OperationsPerSecond),
            "bf16_operations_per_second": bf16OperationsPerSecond.map { .double($0) } ?? .null,
        ]
    }

    /// - limits: of one machine, with any numbers of threads.
    static func text(_ limits: [MachineLimits]) -> String {
        let head = ["threads", "kernels", "read GB/s", "int8 TOP/s", "f32 TFLOP/s", "bf16 TFLOP/s"]
        let rows = limits.map { row in
            [
                "\(row.threads)", row.kernels, (row.readBytesPerSecond * 1e-9).text(decimals: 1),
                (row.int8OperationsPerSecond * 1e-12).text(decimals: 3),
                (row.f32OperationsPerSecond * 1e-12).text(decimals: 3),
                row.bf16OperationsPerSecond.map { ($0 * 1e-12).text(decimals: 3) } ?? "-",
            ]
        }
        return TextTable.lines([head] + rows).joined(separator: "\n") + "\n"
    }
}
