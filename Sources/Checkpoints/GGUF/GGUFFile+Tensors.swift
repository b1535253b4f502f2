// GGUFFile+Tensors.swift: reads tensor entries and proves that each lies alone inside the file.

import Core

extension GGUFFile {
    /// A tensor as declared; `begin` is relative to the data section until `place` has run.
    struct Entry {
        let name: String
        let shape: [Int]
        let format: ElementFormat
        let byteCount: Int
        var begin: Int
        let entryOffset: Int
    }

    static func readEntries(
        _ cursor: inout GGUFCursor, count: Int, alignment: Int
    ) throws(CheckpointError) -> [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(count)
        var names = Set<String>(minimumCapacity: count)
        for _ in 0..<count {
            cursor.subject = .header
            let start = cursor.offset
            let limit = CheckpointLimits.nameBytesMax
            let name = try cursor.readString(limit: limit, quantity: "tensor name length")
            cursor.subject = .tensor(name)
            guard names.insert(name).inserted else { throw cursor.error(.duplicate, at: start) }
            entries.append(try readEntry(&cursor, name: name, alignment: alignment, start: start))
        }
        cursor.subject = .header
        return entries
    }

    private static func readEntry(
        _ cursor: inout GGUFCursor, name: String, alignment: Int, start: Int
    ) throws(CheckpointError) -> Entry {
        let dimensionCount = try cursor.read(UInt32.self)
        guard dimensionCount <= UInt32(CheckpointLimits.dimensionsMax) else {
            let limit = CheckpointLimits.dimensionsMax
            let fault = CheckpointError.Fault.overLimit(
                quantity: "dimension count", value: UInt64(dimensionCount), limit: limit)
            throw cursor.error(fault, at: cursor.offset - 4)
        }
        var dimensions: [Int] = []
        var elements = 1
        for index in 0..<Int(dimensionCount) {
            let dimension = try cursor.read(UInt64.self)
            guard dimension > 0 else {
                throw cursor.error(.emptyDimension(index: index), at: cursor.offset - 8)
            }
            let product = elements.multipliedReportingOverflow(
                by: Int(truncatingIfNeeded: dimension))
            guard dimension <= UInt64(Int.max), !product.overflow else {
                throw cursor.error(.overflow, at: cursor.offset - 8)
            }
            elements = product.partialValue
            dimensions.append(Int(dimension))
        }
        let format = try readFormat(&cursor)
        let rowElements = dimensions.first ?? 1
        guard rowElements % format.blockElements == 0 else {
            let fault = CheckpointError.Fault.partialBlock(
                elements: rowElements, blockElements: format.blockElements)
            throw cursor.error(fault, at: start)
        }
        let size = (elements / format.blockElements).multipliedReportingOverflow(
            by: format.blockBytes)
        guard !size.overflow else { throw cursor.error(.overflow, at: start) }
        let begin = try cursor.read(UInt64.self)
        guard begin <= UInt64(cursor.bytes.count) else {
            throw cursor.error(
                .pastEnd(end: begin, limit: cursor.bytes.count), at: cursor.offset - 8)
        }
        guard Int(begin) % alignment == 0 else {
            throw cursor.error(.misaligned(alignment: alignment), at: cursor.offset - 8)
        }
        return Entry(
            name: name, shape: dimensions.reversed(), format: format, byteCount: size.partialValue,
            begin: Int(begin), entryOffset: start)
    }

    private static func readFormat(
        _ cursor: inout GGUFCursor
    ) throws(CheckpointError) -> ElementFormat {
        let number = try cursor.read(UInt32.self)
        // Raw values from 1000 on are ours, not the file's to name.
        guard number < 1000, let format = ElementFormat(rawValue: Int32(number)) else {
            throw cursor.error(.unknownType(number), at: cursor.offset - 4)
        }
        return format
    }

    /// Makes offsets absolute; refuses what leaves the file or touches another tensor.
    static func place(
        _ entries: inout [Entry], in mapping: Mapping, dataStart: Int
    ) throws(CheckpointError) {
        let fileEnd = mapping.bytes.count
        for index in entries.indices {
            // Both terms are at most the file's size plus one alignment: the sum cannot overflow.
            entries[index].begin += dataStart
            let entry = entries[index]
            let end = entry.begin.addingReportingOverflow(entry.byteCount)
            guard !end.overflow, end.partialValue <= fileEnd else {
                let last = end.overflow ? UInt64(Int.max) : UInt64(end.partialValue)
                throw CheckpointError(
                    path: mapping.path, subject: .tensor(entry.name), offset: entry.begin,
                    fault: .pastEnd(end: last, limit: fileEnd))
            }
        }
        let order = entries.indices.sorted { entries[$0].begin < entries[$1].begin }
        for (left, right) in zip(order, order.dropFirst()) {
            let leftEnd = entries[left].begin + entries[left].byteCount
            guard leftEnd <= entries[right].begin else {
                throw CheckpointError(
                    path: mapping.path, subject: .tensor(entries[right].name),
                    offset: entries[right].begin,
                    fault: .overlap(with: entries[left].name, endsAt: leftEnd))
            }
        }
    }
}
