// AttentionSupport.swift: a paged cache in test memory, and attention in plain double precision.

import Foundation
import Kernels
import Material

private typealias Upcoming = (
    UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?,
    UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?, UnsafeRawPointer?
)

/// One random attention problem: a sequence whose pages lie in scattered order.
struct AttentionCase {
    var headSize = 16
    var group = 2
    var kvHeads = 2
    var pageSize = 16
    var element = attention_element_f32
    var length = 40
    var firstPosition = 0
    var window = 0
    var softCap: Float = 0
    var scale: Float = 0.3
    var sinks: [Float]?
    var seed = 1

    var rows: Int { length - firstPosition }
    var width: Int { kvHeads * group * headSize }

    /// How far numbers of about 1 may be from the reference, which rounds what the cache does.  With int8 it rounds
    /// queries, too, and what is left are weights in 255 steps of the greatest of 64.
    var tolerance: Double { element == attention_element_i8 ? 1e-2 : 3e-5 }

    static func random(seed: Int) -> AttentionCase {
        var numbers = SeededNumbers(seed: seed)
        var one = AttentionCase(seed: seed)
        one.headSize = 8 * numbers.integer(1...(seed % 4 == 0 ? 32 : 9))
        one.group = numbers.integer(1...(seed % 3 == 0 ? 16 : 4))
        one.kvHeads = numbers.integer(1...2)
        one.pageSize = 16 << numbers.integer(0...2)
        one.element = attention_element(rawValue: UInt32(numbers.integer(0...3)))
        one.length = numbers.integer(1...(seed % 8 == 0 ? 1200 : 150))
        one.firstPosition = max(0, one.length - numbers.integer(1...20))
        one.window = numbers.integer(0...2) == 0 ? numbers.integer(1...(one.length + 3)) : 0
        one.softCap = numbers.integer(0...2) == 0 ? 15 : 0
        one.scale = [0.125, 0.5, 3][numbers.integer(0...2)]
        if numbers.integer(0...2) == 0 { one.sinks = numbers.floats(one.group, magnitude: 4) }
        return one
    }
}

/// A case's numbers and its filled cache.
final class AttentionRun {
    let one: AttentionCase
    let queries: [Float]
    let keys: [Float]
    let values: [Float]
    let pages: [Int32]
    private let lotBytes: Int
    private let keyLots: UnsafeMutableRawPointer
    private let valueLots: UnsafeMutableRawPointer
    private let poolBytes: Int
    private let scratch: UnsafeMutableRawPointer

    /// Fills the pool with NaN patterns first: slots that nobody wrote must not matter.
    /// - everyNumber: what all queries, keys and values are.
    /// - infiniteAt: a position with a value that is infinite.
    /// - growth: what keys have more than at the position before, all queries being 1 and every third value 0.
    init(
        _ one: AttentionCase, store: attention_kernels, everyNumber: Float? = nil, infiniteAt infinite: Int? = nil,
        growth: Float? = nil
    ) {
        self.one = one
        var numbers = SeededNumbers(seed: one.seed &* 31 &+ 7)
        func floats(_ count: Int) -> [Float] {
            let floats = numbers.floats(count)
            return everyNumber.map { Array(repeating: $0, count: count) } ?? floats
        }
        var queries = floats(one.length * one.width)
        let kvWidth = one.kvHeads * one.headSize
        var keys = floats(one.length * kvWidth)
        var values = floats(one.length * kvWidth)
        if let growth {
            queries = queries.map { _ in 1 }
            keys = keys.indices.map { growth * Float($0 / kvWidth) }
            values = values.enumerated().map { $0.offset / kvWidth % 3 == 0 ? 0 : $0.element }
        }
        (self.queries, self.keys) = (queries, keys)
        if let infinite { values[infinite * kvWidth] = .infinity }
        self.values = values
        let count = (one.length + one.pageSize - 1) / one.pageSize
        pages = Array((0..<Int32(count + 3)).shuffled(using: &numbers).prefix(count))
        lotBytes = attention_part_bytes(
            Int32(one.kvHeads), Int32(one.headSize), Int32(attention_lot_tokens), one.element)
        poolBytes = ((count + 3) * one.pageSize + Self.lotTokens - 1) / Self.lotTokens * lotBytes
        keyLots = .allocate(byteCount: poolBytes, alignment: 64)
        valueLots = .allocate(byteCount: poolBytes, alignment: 64)
        keyLots.initializeMemory(as: UInt8.self, repeating: 0xff, count: poolBytes)
        valueLots.initializeMemory(as: UInt8.self, repeating: 0xff, count: poolBytes)
        let bytes = attention_scratch_bytes(Int32(one.headSize))
        scratch = .allocate(byteCount: bytes, alignment: 64)
        scratch.initializeMemory(as: UInt8.self, repeating: 0xff, count: bytes)
        var job = attention_store_job(
            keys: keys.address, values: values.address, row_stride: kvWidth, pages: pages.address,
            key_lots: keyLots, value_lots: valueLots, key_scales: Self.scales(of: keyLots, one),
            value_scales: Self.scales(of: valueLots, one), lot_stride: lotBytes,
            first_position: 0, rows: Int32(one.length),
            kv_heads: Int32(one.kvHeads), head_size: Int32(one.headSize),
            page_size: Int32(one.pageSize), element: one.element)
        withExtendedLifetime((keys, values, pages)) { store.store(&job) }
    }

    private static let lotTokens = Int(attention_lot_tokens)

    /// A job's `upcoming`, an array in C: one block in every place.
    private static func upcoming(_ block: UnsafeRawPointer?) -> Upcoming {
        (block, block, block, block, block, block, block, block, block, block, block, block)
    }

    /// Where the scales of lot 0 begin; nil unless elements are integers.
    private static func scales(
        of lots: UnsafeMutableRawPointer, _ one: AttentionCase, head: Int = 0
    ) -> UnsafeMutablePointer<Float>? {
        guard attention_has_scales(one.element) != 0 else { return nil }
        let elements = lots + one.kvHeads * one.headSize * lotTokens * attention_element_bytes(one.element)
        return elements.assumingMemoryBound(to: Float.self) + head * lotTokens
    }

    deinit {
        keyLots.deallocate()
        valueLots.deallocate()
        scratch.deallocate()
    }

    /// The bytes of both pools.
    var poolImage: [UInt8] {
        Array(UnsafeRawBufferPointer(start: keyLots, count: poolBytes))
            + Array(UnsafeRawBufferPointer(start: valueLots, count: poolBytes))
    }

    /// Output `[length, width]` of positions `rows`, `chunk` rows at a time; other rows stay 0.
    /// With `spans`, every span is computed on its own, last one first, and then merged.
    func output(
        _ kernels: attention_kernels, rows: Range<Int>, chunk: Int, spans: Bool
    ) -> [Float] {
        var output = [Float](repeating: 0, count: one.length * one.width)
        let headBytes = one.headSize * Self.lotTokens * attention_element_bytes(one.element)
        let sinks = one.sinks ?? []
        output.withUnsafeMutableBufferPointer { target in
            for first in stride(from: rows.lowerBound, to: rows.upperBound, by: chunk) {
                // Pages that the window has left behind are gone.
                let seen = one.window > 0 ? max(0, first - one.window + 1) / one.pageSize : 0
                let table = pages.enumerated().map { $0 < seen ? -1 : $1 }
                let next = UnsafeRawPointer(keyLots)
                for head in 0..<one.kvHeads {
                    let offset = first * one.width + head * one.group * one.headSize
                    var job = attention_job(
                        queries: queries.address + offset, output: target.baseAddress! + offset,
                        query_stride: one.width, output_stride: one.width, pages: table.address,
                        keys: keyLots + head * headBytes, values: valueLots + head * headBytes,
                        key_scales: Self.scales(of: keyLots, one, head: head),
                        value_scales: Self.scales(of: valueLots, one, head: head),
                        lot_stride: lotBytes,
                        sinks: one.sinks == nil ? nil : sinks.address, first_position: Int32(first),
                        rows: Int32(min(chunk, rows.upperBound - first)),
                        window: Int32(one.window), head_size: Int32(one.headSize),
                        group: Int32(one.group), page_size: Int32(one.pageSize),
                        element: one.element, scale: one.scale, soft_cap: one.softCap,
                        upcoming: Self.upcoming(head % 2 == 0 ? nil : next))
                    withExtendedLifetime((queries, table, sinks)) {
                        spans ? attendApart(kernels, &job) : kernels.attend(&job, scratch)
                    }
                }
            }
        }
        return output
    }

    private func attendApart(_ kernels: attention_kernels, _ job: inout attention_job) {
        let begin = attention_span_begin(&job), end = attention_span_end(&job)
        let entries = Int(job.rows * job.group * attention_partial_floats(job.head_size))
        var partials = [Float](repeating: .nan, count: entries * Int(end - begin))
        partials.withUnsafeMutableBufferPointer { buffer in
            for span in (begin..<end).reversed() {
                let target = buffer.baseAddress! + Int(span - begin) * entries
                kernels.attend_spans(&job, span, span + 1, target, scratch)
            }
            kernels.merge_spans(&job, buffer.baseAddress!, 0, 1)
            kernels.merge_spans(&job, buffer.baseAddress!, 1, job.rows)
        }
    }

    /// Softmax attention in double precision, over keys and values as the cache rounds them.
    func reference(rows: Range<Int>) -> [Double] {
        var output = [Double](repeating: 0, count: one.length * one.width)
        let size = one.headSize, kvWidth = one.kvHeads * size
        let roundedKeys = rounded(keys, apart: one.kvHeads), roundedValues = rounded(values)
        let isInteger = one.element == attention_element_i8
        let roundedQueries = isInteger ? rounded(queries) : queries.map(Double.init)
        for row in rows {
            for head in 0..<one.kvHeads * one.group {
                let start = row * one.width + head * size, kv = head / one.group * size
                let first = one.window > 0 ? max(0, row - one.window + 1) : 0
                let scores: [Double] = (first...row).map { position -> Double in
                    var dot = 0.0
                    for d in 0..<size {
                        dot += roundedQueries[start + d] * roundedKeys[position * kvWidth + kv + d]
                    }
                    let score = dot * Double(one.scale), cap = Double(one.softCap)
                    return cap > 0 ? cap * tanh(score / cap) : score
                }
                let greatest = scores.max()!
                let weights: [Double] = scores.map { exp($0 - greatest) }
                var total: Double = weights.reduce(0, +)
                if let sinks = one.sinks {
                    total += exp(Double(sinks[head % one.group]) - greatest)
                }
                for (index, weight) in weights.enumerated() {
                    for d in 0..<size {
                        output[start + d] +=
                            weight / total * roundedValues[(first + index) * kvWidth + kv + d]
                    }
                }
            }
        }
        return output
    }

    /// - apart: heads of a position, of keys that are away from the first of their block.
    private func rounded(_ x: [Float], apart: Int? = nil) -> [Double] {
        if one.element == attention_element_f32 { return x.map(Double.init) }
        let rows = KernelSet.portable.rows, count = Int32(x.count)
        var narrow = [UInt16](repeating: 0, count: x.count), wide = x
        if one.element == attention_element_i8 { return Self.quantized(x, headSize: one.headSize, apart: apart) }
        if one.element == attention_element_f16 {
            rows.f32_to_f16(&narrow, x, count)
            rows.f16_to_f32(&wide, narrow, count)
        } else {
            rows.f32_to_bf16(&narrow, x, count)
            rows.bf16_to_f32(&wide, narrow, count)
        }
        return wide.map(Double.init)
    }
}

extension AttentionRun {
    /// Each head's row through its transform and int8 and back: the transform twice is n times the row itself.
    fileprivate static func quantized(_ x: [Float], headSize: Int, apart heads: Int?) -> [Double] {
        let rows = KernelSet.portable.rows, size = Int32(headSize), count = x.count / headSize
        let blank = [Float](repeating: 0, count: headSize)
        var spread: [[Float]] = []
        for index in 0..<count {
            var row = Array(x[index * headSize..<(index + 1) * headSize]), quants = [Int8](repeating: 0, count: headSize)
            rows.hadamard_f32(&row, Array(row), size)
            var first = blank
            if let heads, index / heads % 16 > 0 { first = spread[index - index / heads % 16 * heads] }
            let scale = rows.f32_to_i8(&quants, zip(row, first).map { $0 - $1 }, size)
            spread.append(zip(quants, first).map { scale * Float($0) + $1 })
        }
        return spread.flatMap { row in
            var row = row
            rows.hadamard_f32(&row, Array(row), size)
            return row.map { Double($0) / Double(hadamard_size(size)) }
        }
    }
}

extension Array {
    /// The elements' address, for a job struct; the caller keeps the array alive across the call.
    fileprivate var address: UnsafePointer<Element> { withUnsafeBufferPointer { $0.baseAddress! } }
}
