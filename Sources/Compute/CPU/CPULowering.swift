// CPULowering.swift: from operations with handles to C records with pointers.
import Core
import Kernels

struct CPULowering {
    let buffers: [CPUBuffer]
    let matrices: [PackedMatrix]
    let vectors: [UnsafeMutableBufferPointer<Float>]
    let tables: [CPUTable]
    let rotations: [CPURotation]
    let cache: CPUCache?

    func lower(_ operation: Operation) throws(BackendError) -> Kernels.operation {
        var record = Kernels.operation()
        record.outputs_only = operation.rows == .outputs ? 1 : 0
        switch operation {
        case .embed(let table, let scale, let output):
            record.kind = Int32(OPERATION_EMBED.rawValue)
            record.embed = embed(tables[table.index], scale: scale, into: output)
        case .normalize(let input, let kind, let weight, let bias, let epsilon, let output, _):
            record.kind = Int32(OPERATION_NORMALIZE.rawValue)
            record.normalize = normalize_operation(
                in: buffer(input), out: buffer(output), weight: vector(weight), bias: vector(bias),
                epsilon: epsilon, width: Int32(buffers[input.index].width),
                layer_norm: kind == .layer ? 1 : 0, residual: 0)
        case .addNormalized(let input, let weight, let epsilon, let residual, _):
            record.kind = Int32(OPERATION_NORMALIZE.rawValue)
            record.normalize = normalize_operation(
                in: buffer(input), out: buffer(residual), weight: vector(weight), bias: nil,
                epsilon: epsilon, width: Int32(buffers[input.index].width), layer_norm: 0, residual: 1)
        case .add(let input, let residual):
            record.kind = Int32(OPERATION_ADD.rawValue)
            record.add = add_operation(
                in: buffer(input), out: buffer(residual), width: Int32(buffers[input.index].width))
        case .multiply(let products, let input, _):
            record.kind = Int32(OPERATION_MULTIPLY.rawValue)
            record.multiply = try multiply(products, input: input)
        case .rotateAndStore(let description):
            record.kind = Int32(OPERATION_ROTATE_STORE.rawValue)
            record.attention = try attention(description)
        case .attend(let description, _):
            record.kind = Int32(OPERATION_ATTEND.rawValue)
            record.attention = try attention(description)
        case .gate(let activation, let gate, let up, let width, let output, _):
            record.kind = Int32(OPERATION_GATE.rawValue)
            record.gate = gate_operation(
                gate: slice(gate), up: slice(up), out: buffer(output), width: Int32(width),
                kind: Int32(activation == .silu ? GATE_SILU.rawValue : GATE_GELU_TANH.rawValue))
        case .scale(let output, let factor, _):
            record.kind = Int32(OPERATION_SCALE.rawValue)
            record.scalar = scalar(output, factor)
        case .softCap(let output, let cap, _):
            record.kind = Int32(OPERATION_SOFT_CAP.rawValue)
            record.scalar = scalar(output, cap)
        case .select(let input, let output):
            record.kind = Int32(OPERATION_SELECT.rawValue)
            record.select = select_operation(
                in: buffer(input), out: buffer(output), width: Int32(buffers[input.index].width))
        }
        return record
    }

    private func embed(_ table: CPUTable, scale: Float, into output: BufferHandle) -> embed_operation {
        var record = embed_operation()
        record.scale = scale
        record.out = buffer(output)
        record.cols = Int32(buffers[output.index].width)
        switch table {
        case .rows(let source):
            record.table = source.bytes.baseAddress
            record.format = source.format.rawValue
            record.row_bytes = source.format.bytes(of: source.cols)
        case .matrix(let matrix):
            record.matrix = matrix.record
        }
        return record
    }

    private func multiply(_ products: [Product], input: BufferHandle) throws(BackendError) -> multiply_operation {
        let limit = PRODUCTS_MAX
        guard products.count <= limit else {
            throw .shapeUnsupported(fact: "products of one input", value: products.count, limit: limit)
        }
        var record = multiply_operation()
        record.in = buffer(input)
        record.count = Int32(products.count)
        withUnsafeMutableBytes(of: &record.products) { raw in
            let slots = raw.assumingMemoryBound(to: product.self)
            for (index, one) in products.enumerated() {
                let matrix = matrices[one.matrix.index]
                precondition(matrix.cols == buffers[input.index].width, "a product's columns are its input's width")
                slots[index] = product(
                    matrix: matrix.record, out: slice(one.output), bias: vector(one.bias),
                    accumulate: one.accumulates ? 1 : 0)
            }
        }
        return record
    }

    private func attention(_ description: AttentionDescription) throws(BackendError) -> attention_layer {
        guard let cache else { preconditionFailure("attention compiled before a cache was made") }
        try checkShape(description)
        let group = cache.groups[description.group]
        var layer = attention_layer()
        layer.projected = buffer(description.projected)
        layer.out = buffer(description.output)
        layer.heads = Int32(description.heads)
        layer.kv_heads = Int32(description.kvHeads)
        layer.head_size = Int32(description.headSize)
        layer.query_norm = vector(description.queryNorm)
        layer.key_norm = vector(description.keyNorm)
        layer.norm_whole = description.normSpansHeads ? 1 : 0
        layer.norm_epsilon = description.normEpsilon
        if let handle = description.rotation {
            let rotation = rotations[handle.index]
            layer.rotary = Int32(rotation.rotary)
            layer.cosines = vector(rotation.cosines)
            layer.sines = vector(rotation.sines)
        }
        layer.interleaved = description.rotatesInterleaved ? 1 : 0
        layer.group = Int32(description.group)
        layer.page_size = Int32(cache.pageSize)
        layer.window = Int32(description.window ?? 0)
        layer.element = cache.element.kernelValue
        layer.keys = group.keys(layer: description.layerInGroup).assumingMemoryBound(to: UInt8.self)
        layer.values = group.values(layer: description.layerInGroup).assumingMemoryBound(to: UInt8.self)
        if cache.element.hasScales {
            layer.key_scales = scales(behind: group.scalesOffset, of: layer.keys)
            layer.value_scales = scales(behind: group.scalesOffset, of: layer.values)
        }
        layer.lot_stride = group.lotBytes
        layer.scale = description.scale
        layer.soft_cap = description.softCap
        layer.sinks = vector(description.sinks)
        return layer
    }

    private func scales(
        behind bytes: Int, of elements: UnsafeMutablePointer<UInt8>
    ) -> UnsafeMutablePointer<Float> {
        UnsafeMutableRawPointer(elements + bytes).assumingMemoryBound(to: Float.self)
    }

    private func checkShape(_ description: AttentionDescription) throws(BackendError) {
        let headMax = attention_head_size_max
        guard description.headSize <= headMax, description.headSize % 8 == 0 else {
            throw .shapeUnsupported(
                fact: "head size (a multiple of 8)", value: description.headSize, limit: headMax)
        }
        let share = description.heads / description.kvHeads
        guard share <= attention_group_max else {
            throw .shapeUnsupported(
                fact: "query heads per KV head", value: share, limit: attention_group_max)
        }
    }

    private func scalar(_ output: BufferHandle, _ factor: Float) -> scalar_operation {
        scalar_operation(out: buffer(output), width: Int32(buffers[output.index].width), factor: factor)
    }

    private func buffer(_ handle: BufferHandle) -> UnsafePointer<Kernels.buffer> {
        UnsafePointer(buffers[handle.index].record)
    }

    private func slice(_ slice: BufferSlice) -> buffer_slice {
        buffer_slice(buffer: buffer(slice.buffer), offset: Int32(slice.offset))
    }

    private func vector(_ handle: VectorHandle?) -> UnsafePointer<Float>? {
        handle.map { UnsafePointer(vectors[$0.index].baseAddress!) }
    }
}
