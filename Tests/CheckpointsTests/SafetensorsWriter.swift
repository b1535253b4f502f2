// SafetensorsWriter.swift: builds small safetensors files for tests, right or wrong in any field.

import Core
import Foundation

struct SafetensorsWriter {
    /// Members of the header as JSON text, in order.
    var members: [String] = []
    var headerLength: UInt64?
    var padding = ""
    var data: [UInt8] = []

    mutating func add(_ name: String, _ type: String, _ shape: [Int], _ values: [UInt8]) {
        let begin = data.count
        data += values
        add(name, type, "\(shape)", begin, data.count)
    }

    /// A member whose claims need not be true.
    mutating func add(_ name: String, _ type: String, _ shape: String, _ begin: Int, _ end: Int) {
        let place = "\"data_offsets\":[\(begin),\(end)]"
        members.append("\"\(name)\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\(place)}")
    }

    var encoded: [UInt8] {
        let header = Array(("{" + members.joined(separator: ",") + "}" + padding).utf8)
        return GGUFWriter.bytes(headerLength ?? UInt64(header.count)) + header + data
    }

    /// A valid file with an element of every type.
    static var sample: SafetensorsWriter {
        var writer = SafetensorsWriter()
        writer.members.append("\"__metadata__\":{\"format\":\"pt\"}")
        for (name, size) in types {
            writer.add("t.\(name)", name, [2, 3], Array(repeating: 7, count: 6 * size))
        }
        writer.add("scalar", "F32", [], [0, 0, 128, 63])
        writer.add("empty", "F32", [0, 4], [])
        writer.padding = "   "
        return writer
    }

    static let types = [
        ("BOOL", 1), ("U8", 1), ("I8", 1), ("F8_E4M3", 1), ("F8_E5M2", 1), ("F8_E8M0", 1),
        ("U16", 2),
        ("I16", 2), ("F16", 2), ("BF16", 2), ("U32", 4), ("I32", 4), ("F32", 4), ("U64", 8),
        ("I64", 8),
        ("F64", 8),
    ]
}
