// EditDistance.swift: how far two keys are apart, for "did you mean".

enum EditDistance {
    /// Insertions, deletions and replacements of bytes; cost is the product of the lengths, so keys
    /// beyond 200 bytes count as far from everything.
    static func between(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.utf8), Array(right.utf8))
        guard left.count <= 200, right.count <= 200 else { return Int.max }
        var previous = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                current.append(
                    min(
                        previous[column] + (byte == other ? 0 : 1), previous[column + 1] + 1,
                        current[column] + 1))
            }
            previous = current
        }
        return previous[right.count]
    }
}
