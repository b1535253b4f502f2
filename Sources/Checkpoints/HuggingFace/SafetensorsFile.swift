// SafetensorsFile.swift: one safetensors file: header and where each tensor lies.
// As strict as the format's own reader: the tensors fill the data section without gap or overlap.
// Source: the safetensors format description.
//
// file:  header length u64 | header: JSON object, may end in spaces | data
//        header: name -> {dtype, shape, data_offsets: [begin, end) in the data},
//                "__metadata__" -> strings

import Core
import JSON

struct SafetensorsFile {
    let mapping: Mapping
    let tensors: [TensorSlice]

    private static let metadataKey = "__metadata__"
    private static let lengthBytes = 8

    /// A tensor as declared; `range` is relative to the data section.
    private struct Entry {
        let name: String
        let shape: [Int]
        let format: ElementFormat
        let range: Range<Int>
    }

    init(path: String) throws(CheckpointError) {
        let mapping = try Mapping(path: path)
        let dataStart = try Self.dataStart(of: mapping)
        let header = try Self.header(of: mapping, end: dataStart)
        var entries: [Entry] = []
        for (name, value) in header {
            if name == Self.metadataKey {
                try Self.checkMetadata(value, path: path)
            } else {
                entries.append(try Self.entry(name, value, dataStart: dataStart, mapping: mapping))
            }
        }
        try Self.requireFilled(&entries, dataStart: dataStart, mapping: mapping)
        tensors = entries.map { entry in
            TensorSlice(
                name: entry.name, shape: entry.shape, format: entry.format,
                range: (dataStart + entry.range.lowerBound)..<(dataStart + entry.range.upperBound),
                owner: mapping)
        }
        try mapping.requireUnchanged()
        self.mapping = mapping
    }

    private static func dataStart(of mapping: Mapping) throws(CheckpointError) -> Int {
        func refusal(_ fault: CheckpointError.Fault) -> CheckpointError {
            CheckpointError(path: mapping.path, subject: .header, offset: 0, fault: fault)
        }
        guard mapping.bytes.count >= lengthBytes else {
            throw refusal(
                .truncated(bytesNeeded: UInt64(lengthBytes), bytesLeft: mapping.bytes.count))
        }
        let length = UInt64(littleEndian: mapping.bytes.loadUnaligned(as: UInt64.self))
        guard length <= UInt64(CheckpointLimits.safetensorsHeaderBytesMax) else {
            let limit = CheckpointLimits.safetensorsHeaderBytesMax
            throw refusal(.overLimit(quantity: "header length", value: length, limit: limit))
        }
        guard Int(length) <= mapping.bytes.count - lengthBytes else {
            let left = mapping.bytes.count - lengthBytes
            throw refusal(.truncated(bytesNeeded: length, bytesLeft: left))
        }
        return lengthBytes + Int(length)
    }

    private static func header(
        of mapping: Mapping, end: Int
    ) throws(CheckpointError) -> JSONObject {
        let text = UnsafeRawBufferPointer(rebasing: mapping.bytes[lengthBytes..<end])
        guard text.first == UInt8(ascii: "{") else {
            throw CheckpointError(
                path: mapping.path, subject: .header, offset: lengthBytes,
                fault: .wrongKind(expected: "a JSON object"))
        }
        let limits = JSONReader.Limits(
            depthMax: 8, bytesMax: CheckpointLimits.safetensorsHeaderBytesMax)
        do throws(JSONError) {
            // The text begins with a brace, so a value is an object.
            return try JSONReader.parse(text, limits: limits).objectValue ?? JSONObject()
        } catch {
            let inFile = JSONError(offset: error.offset + lengthBytes, kind: error.kind)
            throw CheckpointError(
                path: mapping.path, subject: .header, offset: inFile.offset,
                fault: .invalidJSON(inFile))
        }
    }

    private static func checkMetadata(_ value: JSONValue, path: String) throws(CheckpointError) {
        let isStrings = value.objectValue?.allSatisfy { $0.value.stringValue != nil } ?? false
        guard isStrings else {
            throw CheckpointError(
                path: path, subject: .key(metadataKey), offset: lengthBytes,
                fault: .wrongKind(expected: "an object of strings"))
        }
    }

    private static func entry(
        _ name: String, _ value: JSONValue, dataStart: Int, mapping: Mapping
    ) throws(CheckpointError) -> Entry {
        func refusal(_ fault: CheckpointError.Fault) -> CheckpointError {
            CheckpointError(
                path: mapping.path, subject: .tensor(name),
                offset: place(of: name, in: mapping, end: dataStart), fault: fault)
        }
        guard let offsets = value["data_offsets"]?.arrayValue, offsets.count == 2,
            let begin = offsets[0].intValue, let end = offsets[1].intValue
        else { throw refusal(.wrongKind(expected: "data_offsets with two integers")) }
        let dataCount = mapping.bytes.count - dataStart
        guard begin >= 0, end >= begin else { throw refusal(.invalidRange(begin: begin, end: end)) }
        guard end <= dataCount else {
            let last = UInt64(end) + UInt64(dataStart)
            throw refusal(.pastEnd(end: last, limit: mapping.bytes.count))
        }
        guard let typeName = value["dtype"]?.stringValue else {
            throw refusal(.wrongKind(expected: "a dtype"))
        }
        guard let format = SafetensorsTypes.format(of: typeName) else {
            throw refusal(.unknownElementType(typeName))
        }
        guard let shape = shape(of: value["shape"]) else {
            throw refusal(.wrongKind(expected: "a shape of integers from 0 on"))
        }
        guard shape.count <= CheckpointLimits.dimensionsMax else {
            let limit = CheckpointLimits.dimensionsMax
            throw refusal(
                .overLimit(quantity: "dimension count", value: UInt64(shape.count), limit: limit))
        }
        guard let size = byteCount(of: shape, format: format) else { throw refusal(.overflow) }
        let elements = shape.reduce(1, *)
        guard elements % format.blockElements == 0 else {
            throw refusal(
                .partialBlock(elements: elements, blockElements: format.blockElements))
        }
        guard size == end - begin else {
            throw refusal(.sizeMismatch(declared: end - begin, expected: size))
        }
        return Entry(name: name, shape: shape, format: format, range: begin..<end)
    }

    /// Where the header names a tensor; where the header begins when it spells the name in escapes.
    private static func place(of name: String, in mapping: Mapping, end: Int) -> Int {
        let spelled = Array("\"\(name)\"".utf8)
        let header = mapping.bytes[lengthBytes..<end]
        return header.firstRange(of: spelled)?.lowerBound ?? lengthBytes
    }

    private static func shape(of value: JSONValue?) -> [Int]? {
        guard let values = value?.arrayValue else { return nil }
        var shape: [Int] = []
        for value in values {
            guard case .integer(let dimension) = value, dimension >= 0 else { return nil }
            shape.append(dimension)
        }
        return shape
    }

    /// Nil when an intermediate product leaves 63 bits, even if a later dimension is zero.
    private static func byteCount(of shape: [Int], format: ElementFormat) -> Int? {
        var total = format.blockBytes
        for dimension in shape {
            let product = total.multipliedReportingOverflow(by: dimension)
            guard !product.overflow else { return nil }
            total = product.partialValue
        }
        return total / format.blockElements
    }

    /// Sorts by place and refuses any byte of the data that has no owner or two.
    private static func requireFilled(
        _ entries: inout [Entry], dataStart: Int, mapping: Mapping
    ) throws(CheckpointError) {
        entries.sort {
            ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
        }
        var end = 0
        var last: String?
        for entry in entries {
            let begin = entry.range.lowerBound
            func refusal(_ fault: CheckpointError.Fault) -> CheckpointError {
                let offset = dataStart + min(begin, end)
                return CheckpointError(
                    path: mapping.path, subject: .tensor(entry.name), offset: offset, fault: fault)
            }
            if begin > end { throw refusal(.hole(bytes: begin - end)) }
            if begin < end, let last {
                throw refusal(.overlap(with: last, endsAt: dataStart + end))
            }
            end = entry.range.upperBound
            last = entry.name
        }
        let dataCount = mapping.bytes.count - dataStart
        guard end == dataCount else {
            throw CheckpointError(
                path: mapping.path, offset: dataStart + end, fault: .hole(bytes: dataCount - end))
        }
    }
}
