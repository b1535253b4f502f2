// MachineLimits+File.swift: limits measured before, so that several runs are held against the same ones.
import Foundation
import JSON

extension MachineLimits {
    /// Those of `bench machine --json` for these kernels and threads.
    static func read(
        from path: String, kernels: String, threads: Int
    ) throws(CommandFailure) -> MachineLimits {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandFailure("cannot read '\(path)'", advice: "check --machine-from")
        }
        let machines = (try? JSONReader.parse(Array(data)))?["machine"]?.arrayValue ?? []
        let limits = machines.compactMap { MachineLimits($0) }
        guard let found = limits.first(where: { $0.kernels == kernels && $0.threads == threads }) else {
            throw CommandFailure(
                "'\(path)' has no figures of \(threads) threads with \(kernels) kernels",
                advice: "`tokenmill bench machine --threads \(threads) --kernels \(kernels) --json` gives them")
        }
        return found
    }

    /// As `json` gives them.
    init?(_ json: JSONValue) {
        guard let kernels = json["kernels"]?.stringValue, let threads = json["threads"]?.intValue,
            let reading = ReadingRates(json["reads"]),
            let int8 = json["int8_operations_per_second"]?.doubleValue,
            let f32 = json["f32_operations_per_second"]?.doubleValue
        else { return nil }
        self.init(
            kernels: kernels, threads: threads, reading: reading, int8OperationsPerSecond: int8,
            int8WideOperationsPerSecond: json["int8_wide_operations_per_second"]?.doubleValue,
            f32OperationsPerSecond: f32,
            bf16OperationsPerSecond: json["bf16_operations_per_second"]?.doubleValue)
    }
}
