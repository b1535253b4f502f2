// ByteSize.swift: sizes in memory as people write and read them, in powers of 1024.

enum ByteSize {
    private static let units: [(suffix: String, shift: Int)] = [
        ("GiB", 30), ("MiB", 20), ("KiB", 10),
    ]

    /// `4MiB` or `4194304`; `nil` for anything else, negative or too large.
    static func parse(_ text: String) -> Int? {
        for (suffix, shift) in units where text.hasSuffix(suffix) {
            guard let count = Int(text.dropLast(suffix.count)), count >= 0 else { return nil }
            let (bytes, overflow) = count.multipliedReportingOverflow(by: 1 << shift)
            return overflow ? nil : bytes
        }
        guard let bytes = Int(text), bytes >= 0 else { return nil }
        return bytes
    }

    /// The exact size in its largest whole unit.
    static func words(_ bytes: Int) -> String {
        for (suffix, shift) in units where bytes > 0 && bytes % (1 << shift) == 0 {
            return "\(bytes >> shift)\(suffix)"
        }
        return "\(bytes)"
    }

    /// A size to read at a glance: one decimal, `98.4 MB` style, in powers of 1024.
    static func about(_ bytes: Int) -> String {
        for (suffix, shift) in units where bytes >= 1 << shift {
            let tenths = Int((Double(bytes) / Double(1 << shift) * 10).rounded())
            return "\(tenths / 10).\(tenths % 10) \(suffix)"
        }
        return "\(bytes) B"
    }
}
