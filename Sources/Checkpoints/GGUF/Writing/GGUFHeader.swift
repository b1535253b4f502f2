// GGUFHeader.swift: all of a GGUF file that is not tensor data: keys in order, and where tensors lie.
// A header of this type can be written: tensors follow one another at the alignment that its keys state.
// Source: the GGUF specification, version 3; the layout is drawn in GGUFFile.swift.

import Core

public struct GGUFHeader: Sendable {
    public struct Tensor: Sendable, Hashable {
        public let name: String
        /// Row-major, outermost first.
        public let shape: [Int]
        public let format: ElementFormat

        public init(name: String, shape: [Int], format: ElementFormat) {
            self.name = name
            self.shape = shape
            self.format = format
        }

        public var byteCount: Int { format.bytes(of: shape.reduce(1, *)) }
    }

    static let version: UInt32 = 3

    public let keys: [(name: String, value: GGUFValue)]
    public let tensors: [Tensor]
    /// Of the data section and of each tensor in it.
    public let alignment: Int

    /// - keys: in the order of the file, each once.  tensors: of GGUF's formats, whole blocks in every row.
    public init(keys: [(name: String, value: GGUFValue)], tensors: [Tensor]) {
        self.keys = keys
        self.tensors = tensors
        let stated = keys.first { $0.name == "general.alignment" }?.value.intValue
        alignment = stated ?? GGUFFile.alignmentDefault
        precondition(alignment > 0 && alignment & (alignment - 1) == 0, "alignment \(alignment)")
    }

    /// Where each tensor begins in the data section.
    var offsets: [Int] {
        var next = 0
        return tensors.map { tensor in
            defer { next = (next + tensor.byteCount).roundedUp(to: alignment) }
            return next
        }
    }

    /// Bytes of the data section; the last tensor is padded like the others.
    var dataBytes: Int { tensors.reduce(0) { $0 + $1.byteCount.roundedUp(to: alignment) } }

    /// The file up to the first tensor's first byte.
    var encoded: [UInt8] {
        var bytes = GGUFEncoder()
        bytes.append(contentsOf: GGUFFile.magic)
        bytes.append(Self.version)
        bytes.append(UInt64(tensors.count))
        bytes.append(UInt64(keys.count))
        for key in keys {
            bytes.append(key.name)
            bytes.append(key.value)
        }
        for (tensor, offset) in zip(tensors, offsets) {
            bytes.append(tensor.name)
            bytes.append(UInt32(tensor.shape.count))
            for dimension in tensor.shape.reversed() { bytes.append(UInt64(dimension)) }
            bytes.append(UInt32(tensor.format.rawValue))
            bytes.append(UInt64(offset))
        }
        bytes.pad(to: alignment)
        return bytes.bytes
    }
}
