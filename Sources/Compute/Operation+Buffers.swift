// Operation+Buffers.swift: which buffers an operation reads and writes, and what that allows.

extension Operation {
    /// Buffers whose content it looks at.
    var reads: Set<BufferHandle> {
        switch self {
        case .embed: []
        case .normalize(let input, _, _, _, _, _, _), .select(let input, _): [input]
        case .addNormalized(let input, _, _, let residual, _), .add(let input, let residual): [input, residual]
        case .multiply(let products, let input, _):
            Set(products.filter(\.accumulates).map(\.output.buffer)).union([input])
        case .rotateAndStore(let attention), .attend(let attention, _): [attention.projected]
        case .gate(_, let gate, let up, _, _, _): [gate.buffer, up.buffer]
        case .scale(let output, _, _), .softCap(let output, _, _): [output]
        }
    }

    /// What a later reader of a buffer could still see of an earlier content ends here.
    func replaces(_ buffer: BufferHandle) -> Bool {
        switch self {
        case .embed(_, _, let output), .normalize(_, _, _, _, _, let output, _), .gate(_, _, _, _, let output, _),
            .select(_, let output):
            output == buffer
        case .attend(let attention, _): attention.output == buffer
        default: false
        }
    }
}

extension [Operation] {
    /// Rows are attended to right after they were rotated and stored, so that one part may do all of it.
    var attendsWhatItStores: Bool {
        indices.allSatisfy { index in
            guard case .rotateAndStore(let stored) = self[index] else { return true }
            guard index + 1 < count, case .attend(let attended, _) = self[index + 1] else { return false }
            return attended == stored
        }
    }

    /// Whether the operation at `index` makes rows for the product after it and for nobody else, so that
    /// each worker may make its own copy of them.
    func feedsOnlyNext(_ index: Int) -> Bool {
        guard index + 1 < count, case .multiply(_, let read, let rows) = self[index + 1] else { return false }
        switch self[index] {
        case .normalize(let input, _, _, _, _, let output, let selection):
            guard output == read, selection == rows, input != output else { return false }
        case .select(let input, let output):
            guard output == read, rows == .outputs, input != output else { return false }
        case .gate(_, let gate, let up, _, let output, let selection):
            guard output == read, selection == rows, gate.buffer != output, up.buffer != output else { return false }
        default: return false
        }
        for later in self[(index + 2)...] {
            if later.reads.contains(read) { return false }
            if later.replaces(read) { return true }
        }
        return true
    }
}
