// RandomWeights.swift: weights of every format without a checkpoint, and a step without a model.
import Core
import Kernels

@testable import Compute

enum RandomWeights {
    static let formats: [ElementFormat] = [
        .f32, .f16, .bf16, .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .iq4_nl, .iq4_xs, .mxfp4,
    ]

    private final class Memory {
        let bytes: UnsafeMutableRawBufferPointer
        init(_ count: Int) { bytes = .allocate(byteCount: count, alignment: 16) }
        deinit { bytes.deallocate() }
    }

    /// Random blocks whose scales are moderate: every 16-bit pair that may be a scale is made one.
    static func source(_ format: ElementFormat, rows: Int, cols: Int, seed: UInt64) -> WeightSource {
        var state = seed
        func random() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        let memory = Memory(rows * format.bytes(of: cols))
        for index in memory.bytes.indices { memory.bytes[index] = UInt8(truncatingIfNeeded: random()) }
        let scalePlaces: [Int] = switch format {
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        case .mxfp4: []
        default: [0]
        }
        for block in stride(from: 0, to: memory.bytes.count, by: format.blockBytes) {
            switch format {
            case .f32: memory.bytes.storeBytes(of: Float(Int(random() % 2000)) / 1000 - 1, toByteOffset: block, as: Float.self)
            case .bf16: memory.bytes.storeBytes(of: UInt16(0x3e00 + random() % 0x200), toByteOffset: block, as: UInt16.self)
            case .mxfp4: memory.bytes[block] = UInt8(118 + random() % 8)
            default:
                for place in scalePlaces {
                    memory.bytes.storeBytes(
                        of: UInt16(0x2400 + random() % 0x800), toByteOffset: block + place, as: UInt16.self)
                }
            }
        }
        return WeightSource(
            name: "weights", format: format, rows: rows, cols: cols, bytes: UnsafeRawBufferPointer(memory.bytes), owner: memory)
    }
}

extension CPUBackend {
    /// One step over these tokens, at positions from 0.
    func run(_ tokens: [Int32]) { run(tokens: tokens, positions: tokens.indices.map { Int32($0) }) }

    func run(
        tokens: [Int32], positions: [Int32], outputs: [Int32] = [], spans: [step_span] = [], blocks: [step_block] = []
    ) {
        tokens.withUnsafeBufferPointer { tokens in
            positions.withUnsafeBufferPointer { positions in
                outputs.withUnsafeBufferPointer { outputs in
                    spans.withUnsafeBufferPointer { spans in
                        blocks.withUnsafeBufferPointer { blocks in
                            var rows = StepRows(
                                rows: Int32(tokens.count), tokens: tokens.baseAddress,
                                positions: positions.baseAddress, output_count: Int32(outputs.count),
                                output_rows: outputs.baseAddress, spans: spans.baseAddress,
                                block_count: Int32(blocks.count), blocks: blocks.baseAddress)
                            run(&rows)
                        }
                    }
                }
            }
        }
    }
}
