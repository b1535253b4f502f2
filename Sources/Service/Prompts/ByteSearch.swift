// ByteSearch.swift: where bytes stand last in others, in linear time whatever either holds.
// Knuth, Morris and Pratt (1977), run from the end.

extension [UInt8] {
    /// The start of the last occurrence of `needle`, which is not empty; `nil` if there is none.
    func lastStart(of needle: [UInt8]) -> Int? {
        let pattern = Array(needle.reversed())
        let borders = Self.borders(of: pattern)
        var matched = 0
        for index in indices.reversed() {
            while matched > 0, pattern[matched] != self[index] { matched = borders[matched - 1] }
            if pattern[matched] == self[index] { matched += 1 }
            if matched == pattern.count { return index }
        }
        return nil
    }

    /// Per prefix, the length of its longest border: a part that is both its beginning and its end.
    private static func borders(of pattern: [UInt8]) -> [Int] {
        var borders = [Int](repeating: 0, count: pattern.count)
        var length = 0
        for index in pattern.indices.dropFirst() {
            while length > 0, pattern[length] != pattern[index] { length = borders[length - 1] }
            if pattern[length] == pattern[index] { length += 1 }
            borders[index] = length
        }
        return borders
    }
}
