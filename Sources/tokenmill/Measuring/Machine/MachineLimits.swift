// MachineLimits.swift: what this machine could do at best, by trying; see machine.h.
import JSON
import Kernels

struct MachineLimits: Sendable, Hashable {
    /// Whose instructions the arithmetic uses.
    let kernels: String
    let threads: Int
    var reading: ReadingRates
    let int8OperationsPerSecond: Double
    /// With quants of 8 bits; `nil` where they are no slower than those of 4.
    var int8WideOperationsPerSecond: Double?
    let f32OperationsPerSecond: Double
    /// `nil` where the kernels' instruction set, or the CPU, has none.
    let bf16OperationsPerSecond: Double?

    /// Passes over all quantities, whose best counts: the system may leave two threads on one core for a
    /// whole pass.
    private static let passes = 3

    /// - seconds: for each quantity.
    static func measure(
        kernels: String, threads: Int, seconds: Double
    ) throws(CommandFailure) -> MachineLimits {
        let refused = CommandFailure(
            "the system refused \(threads) threads or the memory to read",
            advice: "lower --threads, or free some memory")
        let passSeconds = seconds / Double(passes)
        var best: [machine_quantity: Double] = [:], reading: ReadingRates?
        for _ in 0..<passes {
            guard let rates = ReadingRates.measure(threads: threads, seconds: passSeconds) else { throw refused }
            reading = reading.map { rates.better(than: $0) } ?? rates
            for quantity in [
                MACHINE_INT8_OPERATIONS, MACHINE_INT8_WIDE_OPERATIONS, MACHINE_F32_OPERATIONS, MACHINE_BF16_OPERATIONS,
            ] {
                let rate = machine_peak(quantity, kernels, Int32(threads), passSeconds)
                guard rate >= 0 else { throw refused }
                best[quantity] = max(best[quantity] ?? 0, rate)
            }
        }
        guard let reading else { throw refused }
        func peak(_ quantity: machine_quantity) -> Double { best[quantity] ?? 0 }
        func peakIfAny(_ quantity: machine_quantity) -> Double? { peak(quantity) > 0 ? peak(quantity) : nil }
        return MachineLimits(
            kernels: kernels, threads: threads, reading: reading,
            int8OperationsPerSecond: peak(MACHINE_INT8_OPERATIONS),
            int8WideOperationsPerSecond: peakIfAny(MACHINE_INT8_WIDE_OPERATIONS),
            f32OperationsPerSecond: peak(MACHINE_F32_OPERATIONS),
            bf16OperationsPerSecond: peakIfAny(MACHINE_BF16_OPERATIONS))
    }

    var json: JSONValue {
        [
            "kernels": .string(kernels), "threads": .integer(threads),
            "read_bytes_per_second": .double(reading.bytesPerSecond), "reads": reading.json,
            "int8_operations_per_second": .double(int8OperationsPerSecond),
            "int8_wide_operations_per_second": int8WideOperationsPerSecond.map { .double($0) } ?? .null,
            "f32_operations_per_second": .double(f32OperationsPerSecond),
            "bf16_operations_per_second": bf16OperationsPerSecond.map { .double($0) } ?? .null,
        ]
    }

    /// - limits: of one machine, with any numbers of threads.
    static func text(_ limits: [MachineLimits]) -> String {
        func tera(_ rate: Double?) -> String { rate.map { ($0 * 1e-12).text(decimals: 3) } ?? "-" }
        let sizes = limits.first?.reading.rates.map { "GB/s of \($0.bytes >> 20) MB" } ?? []
        let head = ["threads", "kernels"] + sizes + ["int8 TOP/s", "8-bit TOP/s", "f32 TFLOP/s", "bf16 TFLOP/s"]
        let rows = limits.map { row in
            ["\(row.threads)", row.kernels]
                + row.reading.rates.map { ($0.bytesPerSecond * 1e-9).text(decimals: 1) } + [
                tera(row.int8OperationsPerSecond), tera(row.int8WideOperationsPerSecond),
                tera(row.f32OperationsPerSecond), tera(row.bf16OperationsPerSecond),
            ]
        }
        return TextTable.lines([head] + rows).joined(separator: "\n") + "\n"
    }
}
