// OperationBuffersTests.swift: when each worker may make its own copy of a product's input.
import Testing

@testable import Compute

struct OperationBuffersTests {
    private let hidden = BufferHandle(index: 0), normed = BufferHandle(index: 1), out = BufferHandle(index: 2)

    private func norm(rows: RowSelection = .all) -> Compute.Operation {
        .normalize(hidden, kind: .rootMeanSquare, weight: nil, bias: nil, epsilon: 0, into: normed, rows: rows)
    }

    private func product(
        by input: BufferHandle, into output: BufferHandle, rows: RowSelection = .all
    ) -> Compute.Operation {
        .multiply([Product(MatrixHandle(index: 0), into: BufferSlice(output))], by: input, rows: rows)
    }

    @Test func `a norm that one product reads feeds it alone`() {
        #expect([norm(), product(by: normed, into: out)].feedsOnlyNext(0))
        #expect([norm(), product(by: normed, into: out), norm(), product(by: normed, into: hidden)].feedsOnlyNext(0))
    }

    @Test func `a norm that somebody else reads, or other rows than the product's, does not`() {
        let first = [norm(), product(by: normed, into: out)]
        #expect(!(first + [.add(normed, to: hidden)]).feedsOnlyNext(0))
        #expect(!(first + [product(by: normed, into: hidden)]).feedsOnlyNext(0))
        #expect(![norm(rows: .outputs), product(by: normed, into: out)].feedsOnlyNext(0))
        #expect(![norm(), product(by: hidden, into: out)].feedsOnlyNext(0))
        #expect(![norm()].feedsOnlyNext(0))
    }

    @Test func `a gate feeds its product unless it works in place`() {
        func gate(into output: BufferHandle) -> Compute.Operation {
            .gate(
                .silu, gate: BufferSlice(hidden), up: BufferSlice(hidden, offset: 32), width: 32, into: output,
                rows: .all)
        }
        #expect([gate(into: normed), product(by: normed, into: out)].feedsOnlyNext(0))
        #expect(![gate(into: hidden), product(by: hidden, into: out)].feedsOnlyNext(0))
        #expect(![gate(into: normed), product(by: normed, into: out, rows: .outputs)].feedsOnlyNext(0))
    }

    @Test func `selected rows feed a product of such rows`() {
        let select = Compute.Operation.select(hidden, into: normed)
        #expect([select, product(by: normed, into: out, rows: .outputs)].feedsOnlyNext(0))
        #expect(![select, product(by: normed, into: out)].feedsOnlyNext(0))
        #expect(![select, product(by: normed, into: out, rows: .outputs), .add(normed, to: hidden)].feedsOnlyNext(0))
    }

    @Test func `an attention must follow the rotation of its own rows`() {
        let layer = AttentionDescription(
            projected: hidden, output: out, heads: 2, kvHeads: 1, headSize: 8, group: 0, layerInGroup: 0, scale: 1)
        #expect([.rotateAndStore(layer), .attend(layer, rows: .outputs)].attendsWhatItStores)
        #expect(![.rotateAndStore(layer), norm(), .attend(layer, rows: .all)].attendsWhatItStores)
        #expect(![.rotateAndStore(layer)].attendsWhatItStores)
    }
}
