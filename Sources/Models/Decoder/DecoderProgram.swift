// DecoderProgram.swift: one step of a dense decoder as operations.
// embed -> layers of (norm, attention, norm, feed-forward) -> norm and head. Of the last layer, other rows than those
// asked for only leave their keys and values.
import Checkpoints
import Compute

struct DecoderProgram {
    private let configuration: DecoderConfiguration
    private let backend: any Backend
    private let cache: CachePlan
    private let rowsMax: Int
    private let outputRowsMax: Int
    private(set) var operations: [Operation] = []

    init(
        _ configuration: DecoderConfiguration, backend: any Backend, cache: CachePlan, rowsMax: Int,
        outputRowsMax: Int
    ) {
        self.configuration = configuration
        self.backend = backend
        self.cache = cache
        self.rowsMax = rowsMax
        self.outputRowsMax = outputRowsMax
    }

    /// The buffers that all layers use in turn, and the rows that they have.
    private struct Workspace {
        var rows = RowSelection.all
        var hidden: BufferHandle       // [rows, width], the residual stream
        let normed: BufferHandle       // [rows, width]
        let projected: BufferHandle    // [rows, queries | keys | values]
        var attended: BufferHandle     // [rows, heads * headSize]
        let part: BufferHandle         // [rows, width], a part's result before its own norm
        let gates: BufferHandle        // [rows, gate | up]
        let activated: BufferHandle    // [rows, feedForward]
        let lastHidden: BufferHandle   // [output rows, width]
        let lastAttended: BufferHandle // [output rows, heads * headSize]
        let lastNormed: BufferHandle   // [output rows, width]
        let logits: BufferHandle       // [output rows, vocabulary]
    }

    /// Makes weights and buffers and appends every operation; returns the logits.
    mutating func build(
        from weights: DecoderWeights, contextMax: Int, progress: (Int, Int) -> Void
    ) throws -> BufferHandle {
        var space = try makeWorkspace()
        let embedding = try weights.embedding()
        let scale = configuration.family.scalesEmbeddings ? Float(configuration.width).squareRoot() : 1
        let head = try weights.head()
        // A tied head's matrix is the table too: its rows are kept once.
        let headMatrix = try backend.makeMatrix(head ?? embedding)
        let table = head == nil ? backend.makeTable(of: headMatrix) : try backend.makeTable(embedding)
        operations.append(.embed(table, scale: scale, into: space.hidden))
        let rotations = try makeRotations(contextMax)
        for layer in 0..<configuration.layers {
            let isLast = layer == configuration.layers - 1
            try appendAttention(layer, weights, space, rotations[layer], rows: isLast ? .outputs : .all)
            if isLast { selectOutputs(&space) }
            try appendResult(.output, postNorm: .attentionPostNorm, layer, weights, from: space.attended, space)
            try appendFeedForward(layer, weights, space)
            progress(layer + 1, configuration.layers)
        }
        try appendHead(headMatrix, weights, space)
        return space.logits
    }

    private func makeWorkspace() throws -> Workspace {
        let queries = configuration.heads * configuration.headSize
        let keys = configuration.kvHeads * configuration.headSize
        func buffer(_ width: Int, rows: Int) throws -> BufferHandle {
            try backend.makeBuffer(width: width, rows: rows, isContiguous: false)
        }
        func all(_ width: Int) throws -> BufferHandle { try buffer(width, rows: rowsMax) }
        func outputs(_ width: Int) throws -> BufferHandle { try buffer(width, rows: outputRowsMax) }
        return Workspace(
            hidden: try all(configuration.width), normed: try all(configuration.width),
            projected: try all(queries + 2 * keys), attended: try all(queries),
            part: try all(configuration.width), gates: try all(2 * configuration.feedForward),
            activated: try all(configuration.feedForward), lastHidden: try outputs(configuration.width),
            lastAttended: try outputs(queries), lastNormed: try outputs(configuration.width),
            logits: try backend.makeBuffer(
                width: configuration.vocabularySize, rows: outputRowsMax, isContiguous: true))
    }

    /// One rotation per layer; windowed layers may have their own.
    private func makeRotations(_ contextMax: Int) throws -> [RotationHandle] {
        let positions = cache.positionsMax(contextMax: contextMax)
        func make(_ rotation: Rotation) throws -> RotationHandle {
            let table = rotation.table(positions: positions, context: contextMax)
            return try backend.makeRotation(
                rotary: rotation.rotary, cosines: table.cosines, sines: table.sines)
        }
        let full = try make(configuration.rotation)
        let usesLocal = configuration.localRotation != configuration.rotation
        let local = usesLocal ? try make(configuration.localRotation) : full
        return configuration.windows.map { $0 == nil ? full : local }
    }

    private mutating func appendAttention(
        _ layer: Int, _ weights: DecoderWeights, _ space: Workspace, _ rotation: RotationHandle, rows: RowSelection
    ) throws {
        let queries = configuration.heads * configuration.headSize
        let keys = configuration.kvHeads * configuration.headSize
        try appendNorm(.attentionNorm, layer, weights, space)
        let parts: [(LayerPart, Int)] = [(.query, 0), (.key, queries), (.value, queries + keys)]
        let products = try parts.map { part, offset in
            try product(part, layer, weights, into: BufferSlice(space.projected, offset: offset))
        }
        operations.append(.multiply(products, by: space.normed, rows: .all))
        let attention = try describeAttention(layer, weights, space, rotation)
        operations.append(.rotateAndStore(attention))
        operations.append(.attend(attention, rows: rows))
    }

    /// From here on, rows are those whose logits are wanted.
    private mutating func selectOutputs(_ space: inout Workspace) {
        operations.append(.select(space.hidden, into: space.lastHidden))
        operations.append(.select(space.attended, into: space.lastAttended))
        (space.hidden, space.attended, space.rows) = (space.lastHidden, space.lastAttended, .outputs)
    }

    private func describeAttention(
        _ layer: Int, _ weights: DecoderWeights, _ space: Workspace, _ rotation: RotationHandle
    ) throws -> AttentionDescription {
        var attention = AttentionDescription(
            projected: space.projected, output: space.attended, heads: configuration.heads,
            kvHeads: configuration.kvHeads, headSize: configuration.headSize,
            group: cache.places[layer].group, layerInGroup: cache.places[layer].layer,
            scale: configuration.attentionScale)
        attention.rotation = rotation
        attention.rotatesInterleaved = configuration.rotatesInterleaved
        attention.softCap = configuration.attentionSoftCap
        if case .slidingWindow(let window) = cache.groups[attention.group].kind { attention.window = window }
        if configuration.family.headNorm == .perHead {
            let size = configuration.headSize
            attention.queryNorm = try backend.makeVector(try weights.norm(.queryNorm, layer, width: size))
            attention.keyNorm = try backend.makeVector(try weights.norm(.keyNorm, layer, width: size))
            attention.normEpsilon = configuration.normEpsilon
        }
        return attention
    }

    private mutating func appendFeedForward(
        _ layer: Int, _ weights: DecoderWeights, _ space: Workspace
    ) throws {
        let wide = configuration.feedForward
        try appendNorm(.feedForwardNorm, layer, weights, space)
        let gate = BufferSlice(space.gates), up = BufferSlice(space.gates, offset: wide)
        operations.append(
            .multiply(
                [
                    try product(.gate, layer, weights, into: gate), try product(.up, layer, weights, into: up),
                ], by: space.normed, rows: space.rows))
        operations.append(
            .gate(
                configuration.family.activation, gate: gate, up: up, width: wide, into: space.activated,
                rows: space.rows))
        try appendResult(.down, postNorm: .feedForwardPostNorm, layer, weights, from: space.activated, space)
    }

    /// A part's last product, added to the residual stream, through the part's own norm if it has one.
    private mutating func appendResult(
        _ part: LayerPart, postNorm: LayerPart, _ layer: Int, _ weights: DecoderWeights,
        from input: BufferHandle, _ space: Workspace
    ) throws {
        let isAround = configuration.family.norms == .around
        var result = try product(
            part, layer, weights, into: BufferSlice(isAround ? space.part : space.hidden))
        result.accumulates = !isAround
        operations.append(.multiply([result], by: input, rows: space.rows))
        guard isAround else { return }
        let weight = try backend.makeVector(try weights.norm(postNorm, layer, width: configuration.width))
        operations.append(
            .addNormalized(
                space.part, weight: weight, epsilon: configuration.normEpsilon, to: space.hidden, rows: space.rows))
    }

    private mutating func appendHead(
        _ matrix: MatrixHandle, _ weights: DecoderWeights, _ space: Workspace
    ) throws {
        let weight = try backend.makeVector(
            try weights.norm(named: weights.names.finalNorm, width: configuration.width))
        operations.append(
            .normalize(
                space.hidden, kind: .rootMeanSquare, weight: weight, bias: nil,
                epsilon: configuration.normEpsilon, into: space.lastNormed, rows: .outputs))
        operations.append(
            .multiply([Product(matrix, into: BufferSlice(space.logits))], by: space.lastNormed, rows: .outputs))
        if configuration.logitsSoftCap > 0 {
            operations.append(.softCap(space.logits, cap: configuration.logitsSoftCap, rows: .outputs))
        }
    }

    private mutating func appendNorm(
        _ part: LayerPart, _ layer: Int, _ weights: DecoderWeights, _ space: Workspace
    ) throws {
        let weight = try backend.makeVector(try weights.norm(part, layer, width: configuration.width))
        operations.append(
            .normalize(
                space.hidden, kind: .rootMeanSquare, weight: weight, bias: nil, epsilon: configuration.normEpsilon,
                into: space.normed, rows: space.rows))
    }

    private func product(
        _ part: LayerPart, _ layer: Int, _ weights: DecoderWeights, into output: BufferSlice
    ) throws -> Product {
        let matrix = try backend.makeMatrix(try weights.matrix(part, layer))
        let bias = try weights.bias(part, layer).map { try backend.makeVector($0) }
        return Product(matrix, bias: bias, into: output)
    }
}
