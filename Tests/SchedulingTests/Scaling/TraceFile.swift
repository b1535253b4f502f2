// TraceFile.swift: reads the request traces of the conformance folder.
import Foundation
import Material
@testable import Scheduling

enum TraceFile {
    /// The requests in order of arrival, the first at 0; `nil` when the file cannot be read.
    static func read(_ name: String) -> [TraceRequest]? {
        let file = Material.cases("traces/\(name)")
        guard let text = try? String(contentsOf: file, encoding: .utf8) else { return nil }
        var requests: [TraceRequest] = []
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",")
            guard fields.count == 3, let prompt = Int(fields[1]), let output = Int(fields[2]) else {
                continue
            }
            guard let arrival = seconds(fields[0]) else { continue }
            requests.append(
                TraceRequest(arrival: arrival, promptTokens: prompt, outputTokens: output))
        }
        requests.sort { $0.arrival < $1.arrival }
        let first = requests.first?.arrival ?? 0
        for index in requests.indices { requests[index].arrival -= first }
        return requests
    }

    /// Milliseconds, or the clock time of one day: `2023-11-16 18:15:46.6805900`.
    private static func seconds(_ field: Substring) -> Double? {
        if let milliseconds = Double(field) { return milliseconds / 1000 }
        let clock = field.suffix(while: { $0 != " " }).split(separator: ":").compactMap {
            Double($0)
        }
        return clock.count == 3 ? clock[0] * 3600 + clock[1] * 60 + clock[2] : nil
    }
}

extension Substring {
    fileprivate func suffix(while keep: (Character) -> Bool) -> Substring {
        var start = endIndex
        while start > startIndex, keep(self[index(before: start)]) { start = index(before: start) }
        return self[start...]
    }
}
