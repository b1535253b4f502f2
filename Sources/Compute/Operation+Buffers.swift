// Operation+Buffers.swift: which buffers an operation reads and writes, and what that allows.

extension Operation {
    /// Buffers whose content it looks at.
    var reads: Set<BufferHandle> {
        switch self {
        case .embed: []
        case .normalize(let input, _, _, _, _, _, _): [input]
        case .addNormalized(let input, _, _, let residual), .add(let input, let residual): [input, residual]
        case .multiply(let products, let input, _):
            Set(products.filter(\.accumulates).map(\.output.buffer)).union([input])
        case .rotateAndStore(let attention), .attend(let attention): [attention.projected]
        case .gate(_, let gate, let up, _, _): [gate.buffer, up.buffer]
        case .scale(let output, _, _), .softCap(let output, _, _): [output]
        }
    }

    /// What a later reader of a buffer could still see of an earlier content ends here.
    func replaces(_ buffer: BufferHandle) -> Bool {
        switch self {
        case .embed(_, _, let output), .normalize(_, _, _, _, _, let output, _), .gate(_, _, _, _, let output):
            output == buffer
        case .attend(let attention): attention.output == buffer
        default: false
        }
    }
}

extension [Operation] {
    /// Rows are attended to right after they were rotated and stored, so that one part may do all of it.
    var attendsWhatItStores: Bool {
        indices.allSatisfy { index in
            guard case .rotateAndStore(let stored) = self[index] else { return true }
            return index + 1 < count && self[index + 1] == .attend(stored)
        }
    }

    /// Where two products are for the gate after them and for nobody else, so that their columns may go through it
    /// as they are made.
    var productsThroughGates: [Int] {
        let products = indices.compactMap { index in buffersOfGate(behind: index).map { (index, $0) } }
        let gates = Set(products.map { $0.0 + 1 })
        let readElsewhere = indices.reduce(into: Set<BufferHandle>()) { buffers, reader in
            if !gates.contains(reader) { buffers.formUnion(self[reader].reads) }
        }
        return products.filter { $0.1.isDisjoint(with: readElsewhere) }.map(\.0)
    }

    /// What the gate behind `index` reads, where that is just what the products at `index` make.
    private func buffersOfGate(behind index: Int) -> Set<BufferHandle>? {
        guard index + 1 < count, case .multiply(let products, let input, .all) = self[index],
            case .gate(_, let gate, let up, _, let output) = self[index + 1],
            products.map(\.output) == [gate, up], products.allSatisfy({ !$0.accumulates }),
            !Set([input, output]).contains(gate.buffer), !Set([input, output]).contains(up.buffer), input != output
        else { return nil }
        return [gate.buffer, up.buffer]
    }

    /// Whether the operation at `index` makes rows for the product after it and for nobody else, so that
    /// each worker may make its own copy of them.
    func feedsOnlyNext(_ index: Int) -> Bool {
        guard index + 1 < count, case .multiply(_, let read, let rows) = self[index + 1] else { return false }
        switch self[index] {
        case .normalize(let input, _, _, _, _, let output, let selection):
            guard output == read, selection == rows, input != output else { return false }
        case .gate(_, let gate, let up, _, let output):
            guard output == read, rows == .all, gate.buffer != output, up.buffer != output else { return false }
        default: return false
        }
        for later in self[(index + 2)...] {
            if later.reads.contains(read) { return false }
            if later.replaces(read) { return true }
        }
        return true
    }
}
