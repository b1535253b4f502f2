// DequantizeReference.swift: reads the reference tensors of the shared conformance material.

import Foundation

/// Enough of a safetensors file for trusted reference data.
struct ReferenceTensors {
    private let data: [UInt8]
    private let ranges: [String: Range<Int>]

    init(path: String) throws {
        let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let length = file[0..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        let header = try JSONSerialization.jsonObject(with: Data(file[8..<(8 + length)]))
        var ranges: [String: Range<Int>] = [:]
        for (name, entry) in header as? [String: [String: Any]] ?? [:] {
            guard let offsets = entry["data_offsets"] as? [Int] else { continue }
            ranges[name] = (8 + length + offsets[0])..<(8 + length + offsets[1])
        }
        data = file
        self.ranges = ranges
    }

    func bytes(_ name: String) -> [UInt8] { Array(data[ranges[name]!]) }

    func floats(_ name: String) -> [Float] {
        bytes(name).withUnsafeBytes { bytes in
            (0..<(bytes.count / 4)).map {
                bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self)
            }
        }
    }
}
/// Where the shared conformance material lies on this machine.
enum DequantizeConformance {
    /// A path under the conformance folder, or nil with a printed reason when it is not there.
    static func path(_ relative: String, file: String = #filePath) -> String? {
        let fallback = URL(filePath: file).appending(path: "../../../../shared/conformance")
            .standardized.path
        let root = ProcessInfo.processInfo.environment["TOKENMILL_CONFORMANCE"] ?? fallback
        let path = root + "/" + relative
        if FileManager.default.fileExists(atPath: path) { return path }
        print("skipped: \(path) is not on this machine")
        return nil
    }
}
