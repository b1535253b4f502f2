// QuantizationSummary.swift: what became of the tensors, in words.
import Checkpoints
import Core

struct QuantizationSummary {
    let path: String
    let bytesBefore: Int
    let bytesAfter: Int
    /// Tensors that changed, by their new format.
    private(set) var converted: [ElementFormat: Int] = [:]
    private(set) var kept = 0
    /// Tensors that could not have the format that was wanted.
    private(set) var fallbacks: [Fallback: Int] = [:]
    /// Tensors that lost precision a second time.
    private(set) var requantized = 0

    struct Fallback: Hashable {
        let wanted: WeightFormat
        let target: ElementFormat
        let rowElements: Int
    }

    init(_ plan: QuantizationPlan, path: String) {
        self.path = path
        bytesBefore = plan.steps.reduce(0) { $0 + $1.source.bytes.count }
        bytesAfter = plan.header.tensors.reduce(0) { $0 + $1.byteCount }
        for step in plan.steps {
            if step.isConverted { converted[step.target, default: 0] += 1 } else { kept += 1 }
            if step.isConverted, step.source.format.blockElements > 1, step.target.blockElements > 1 {
                requantized += 1
            }
            guard let wanted = step.instead else { continue }
            let fallback = Fallback(wanted: wanted, target: step.target, rowElements: step.source.rowElements)
            fallbacks[fallback, default: 0] += 1
        }
    }

    var text: String {
        var lines = ["\(path): tensors of \(ByteSize.about(bytesAfter)), from \(ByteSize.about(bytesBefore))"]
        lines += converted.map { "  \(Self.tensors($0.value)) now \(Self.name($0.key))" }.sorted()
        lines.append("  \(Self.tensors(kept)) kept as before")
        lines += fallbacks.map {
            "  \(Self.tensors($0.value)) fell back to \(Self.name($0.key.target)) from "
                + "\($0.key.wanted.rawValue): rows of \($0.key.rowElements) do not fill blocks of "
                + "\($0.key.wanted.element.blockElements)"
        }.sorted()
        if requantized > 0 {
            lines.append("  \(Self.tensors(requantized)) quantized a second time: losses add up")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func tensors(_ count: Int) -> String { count == 1 ? "1 tensor" : "\(count) tensors" }

    private static func name(_ format: ElementFormat) -> String {
        WeightFormat.allCases.first { $0.element == format }?.rawValue ?? "\(format)"
    }
}
