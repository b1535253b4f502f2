// TextTable.swift: rows for people: the first column to the left, figures to the right.

enum TextTable {
    /// - rows: of equally many cells.
    static func lines(_ rows: [[String]]) -> [String] {
        guard let first = rows.first else { return [] }
        let widths = first.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let cells = zip(row, widths).enumerated().map { index, cell in
                let padding = String(repeating: " ", count: cell.1 - cell.0.count)
                return index == 0 ? cell.0 + padding : padding + cell.0
            }
            return cells.joined(separator: "  ")
        }
    }
}

extension Double {
    /// The number with that many decimals; `-` if it is none or beyond counting.
    func text(decimals: Int) -> String {
        let scale = (0..<decimals).reduce(1) { power, _ in power * 10 }
        let scaled = (self * Double(scale)).rounded()
        guard let whole = Int(exactly: scaled) else { return "-" }
        let sign = whole < 0 ? "-" : ""
        guard decimals > 0 else { return "\(whole)" }
        let fraction = String(whole.magnitude % UInt(scale))
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        return "\(sign)\(whole.magnitude / UInt(scale)).\(zeros)\(fraction)"
    }

    /// A share as a percentage.
    func percent(decimals: Int = 0) -> String { (self * 100).text(decimals: decimals) + "%" }
}
