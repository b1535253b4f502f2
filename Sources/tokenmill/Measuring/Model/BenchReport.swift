// BenchReport.swift: what a bench found, as a table for people and as JSON for scripts.
import JSON

/// One figure with the rounds behind it, in tokens per second.
struct BenchResult: Sendable {
    enum Kind: String, Sendable { case prompt, generate }
    let kind: Kind
    let probe: ThroughputCase
    /// At least one.
    let rounds: [Double]

    var median: Double {
        let sorted = rounds.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// Half the distance between the best and the worst round, over the median.
    var spread: Double {
        ((rounds.max() ?? 0) - (rounds.min() ?? 0)) / 2 / max(median, .leastNormalMagnitude)
    }
}

struct BenchReport: Sendable {
    let model: LoadReport
    let compute: String
    let results: [BenchResult]

    var text: String {
        var lines = [
            "\(model.path)",
            "\(model.family), \(model.formats); \(model.threads) threads, "
                + "\(model.kernels) kernels, compute \(compute)", "",
        ]
        let rows =
            [["what", "streams", "prompt", "generate", "tokens/s", "spread"]] + results.map(row)
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for row in rows {
            let cells = zip(row, widths).enumerated().map { index, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + padding : padding + cell.0
            }
            lines.append(cells.joined(separator: "  "))
        }
        return lines.joined(separator: "\n") + "\n"
    }

    var json: JSONValue {
        var object = JSONObject()
        object["model"] = .string(model.path)
        object["family"] = .string(model.family)
        object["formats"] = .string(model.formats)
        object["threads"] = .integer(model.threads)
        object["kernels"] = .string(model.kernels)
        object["compute"] = .string(compute)
        object["load_seconds"] = .double(model.seconds)
        object["weight_bytes"] = .integer(model.weightBytes)
        object["resident_bytes"] = MachineMemory.residentBytes.map { .integer($0) } ?? .null
        object["results"] = .array(
            results.map { result in
                var row = JSONObject()
                row["kind"] = .string(result.kind.rawValue)
                row["streams"] = .integer(result.probe.streams)
                row["prompt_tokens"] = .integer(result.probe.promptTokens)
                row["generate_tokens"] = .integer(result.probe.generateTokens)
                row["tokens_per_second"] = .double(result.median)
                row["spread"] = .double(result.spread)
                row["rounds"] = .array(result.rounds.map { .double($0) })
                return .object(row)
            })
        return .object(object)
    }

    private func row(_ result: BenchResult) -> [String] {
        let tenths = Int((result.median * 10).rounded())
        return [
            result.kind.rawValue, "\(result.probe.streams)", "\(result.probe.promptTokens)",
            result.kind == .generate ? "\(result.probe.generateTokens)" : "-",
            "\(tenths / 10).\(tenths % 10)", "±\(Int((result.spread * 100).rounded()))%",
        ]
    }
}
