// ContentCoding.swift: whether a client takes gzip (RFC 9110 section 12.5.3), and gzip itself through zlib.

import CZlib
import HTTPTypes

enum ContentCoding {
    /// Smaller bodies gain nothing.
    static let bodyBytesMin = 1024
    /// Enough for JSON; higher levels cost time that streams of other clients wait for.
    private static let level: Int32 = 4

    /// Whether the Accept-Encoding fields allow gzip: named or `*`, with a weight above zero; the name decides.
    static func acceptsGzip(_ fields: HTTPFields) -> Bool {
        var wildcard = false
        for field in fields[fields: .acceptEncoding] {
            for element in ByteClasses.listElements(field.withUnsafeBytesOfValue { Array($0)[...] }) {
                let parts = element.split(separator: UInt8(ascii: ";"))
                guard let first = parts.first else { continue }
                let name = ByteClasses.trimmed(first)
                let isWelcome = !parts.dropFirst().contains { isZeroWeight(ByteClasses.trimmed($0)) }
                if ByteClasses.matches(name, "gzip") || ByteClasses.matches(name, "x-gzip") { return isWelcome }
                if name.elementsEqual("*".utf8) { wildcard = isWelcome }
            }
        }
        return wildcard
    }

    /// Whether a body under these fields is text that nobody has encoded yet.
    static func isCompressible(_ fields: HTTPFields) -> Bool {
        guard !fields.contains(.contentEncoding), let type = fields[.contentType] else { return false }
        return type.hasPrefix("text/") || type.hasPrefix("application/json") || type.hasPrefix("image/svg")
            || type.hasPrefix("application/javascript")
    }

    /// `bytes` as one gzip member, or nil if zlib has no memory for it.
    static func gzip(_ bytes: [UInt8]) -> [UInt8]? {
        var stream = z_stream()
        guard zlib_begin_gzip(&stream, level) == Z_OK else { return nil }
        defer { deflateEnd(&stream) }
        let bound = Int(deflateBound(&stream, UInt(bytes.count)))
        guard let outputBytesMax = UInt32(exactly: bound), let inputBytes = UInt32(exactly: bytes.count)
        else { return nil }
        var code = Z_OK
        var input = bytes
        let output = [UInt8](unsafeUninitializedCapacity: bound) { buffer, count in
            input.withUnsafeMutableBufferPointer { source in
                stream.next_in = source.baseAddress
                stream.avail_in = inputBytes
                stream.next_out = buffer.baseAddress
                stream.avail_out = outputBytesMax
                code = deflate(&stream, Z_FINISH)
            }
            count = Int(outputBytesMax - stream.avail_out)
        }
        return code == Z_STREAM_END ? output : nil
    }

    /// `q=0`, `q=0.`, `q=0.000` of RFC 9110 section 12.4.2.
    private static func isZeroWeight(_ parameter: ArraySlice<UInt8>) -> Bool {
        let parts = parameter.split(separator: UInt8(ascii: "="), maxSplits: 1)
        guard parts.count == 2, ByteClasses.matches(ByteClasses.trimmed(parts[0]), "q") else { return false }
        let digits = ByteClasses.trimmed(parts[1])
        return digits.first == UInt8(ascii: "0")
            && digits.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: ".") }
    }
}
