// GGUFShards.swift: the files of one GGUF model, from the first shard's name and counts.
// A model of one file has no split keys or a count of one. Otherwise every shard states its number,
// the count, and is named NAME-00001-of-0000N.gguf; the tensors of all are one model's.

enum GGUFShards {
    private static let numberKey = "split.no"
    private static let countKey = "split.count"
    private static let tensorCountKey = "split.tensors.count"

    /// Opens the model whose first or only file is at `path`.
    static func open(_ path: String) throws(CheckpointError) -> [GGUFFile] {
        let first = try GGUFFile(path: path)
        let count = try integer(countKey, of: first) ?? 1
        guard count > 1 else { return [first] }
        guard count <= CheckpointLimits.shardsMax else {
            let limit = CheckpointLimits.shardsMax
            let fault = CheckpointError.Fault.overLimit(
                quantity: "shard count", value: UInt64(count), limit: limit)
            throw CheckpointError(path: path, subject: .key(countKey), offset: first.keyOffsets[countKey],
                fault: fault)
        }
        guard let number = try integer(numberKey, of: first) else {
            throw CheckpointError(
                path: path, subject: .key(numberKey), offset: first.keyOffsets[numberKey],
                fault: .wrongKind(expected: "an integer"))
        }
        guard number == 0 else {
            throw CheckpointError(
                path: path, subject: .key(numberKey), offset: first.keyOffsets[numberKey],
                fault: .notFirstShard(number: number + 1, count: count))
        }
        guard let stem = stem(of: path, count: count) else {
            throw CheckpointError(
                path: path, subject: .key(countKey), offset: first.keyOffsets[countKey],
                fault: .shardNameMismatch(count: count))
        }
        var files = [first]
        for index in 1..<count {
            let file = try GGUFFile(path: stem + suffix(number: index + 1, count: count))
            try expect(count, countKey, in: file)
            try expect(index, numberKey, in: file)
            files.append(file)
        }
        let total = files.reduce(0) { $0 + $1.tensors.count }
        if try integer(tensorCountKey, of: first) != nil {
            try expect(total, tensorCountKey, in: first, isDeclared: true)
        }
        return files
    }

    private static func suffix(number: Int, count: Int) -> String {
        func padded(_ value: Int) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        }
        return "-\(padded(number))-of-\(padded(count)).gguf"
    }

    private static func stem(of path: String, count: Int) -> String? {
        let suffix = suffix(number: 1, count: count)
        return path.hasSuffix(suffix) ? String(path.dropLast(suffix.count)) : nil
    }

    private static func integer(_ key: String, of file: GGUFFile) throws(CheckpointError) -> Int? {
        guard let value = file.metadata[key] else { return nil }
        guard let number = value.intValue, number >= 0 else {
            throw CheckpointError(
                path: file.mapping.path, subject: .key(key), offset: file.keyOffsets[key],
                fault: .wrongKind(expected: "a count"))
        }
        return number
    }

    /// `isDeclared`: the file states what is expected, and `value` is what was counted.
    private static func expect(
        _ value: Int, _ key: String, in file: GGUFFile, isDeclared: Bool = false
    ) throws(CheckpointError) {
        let stated = try integer(key, of: file)
        guard stated == value else {
            let found = stated ?? -1
            throw CheckpointError(
                path: file.mapping.path, subject: .key(key), offset: file.keyOffsets[key],
                fault: isDeclared
                    ? .shardMismatch(expected: found, found: value)
                    : .shardMismatch(expected: value, found: found))
        }
    }
}
