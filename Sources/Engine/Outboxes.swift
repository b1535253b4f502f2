// Outboxes.swift: gathers a step's updates per destination queue and sends each queue one block.
// It never waits: a slow consumer's blocks pile up on its own queue, at most one per step.
import Dispatch

struct Outboxes {
    private struct Letter: Sendable {
        let receive: @Sendable (GenerationUpdate) -> Void
        let update: GenerationUpdate
    }

    private struct Outbox {
        var queue: DispatchQueue?
        var requests = 0
        var letters: [Letter] = []
    }

    private var outboxes: [Outbox] = []

    /// The outbox of a queue, for one more request.
    mutating func open(_ queue: DispatchQueue) -> Int {
        var vacant: Int?
        for (index, outbox) in outboxes.enumerated() {
            if outbox.queue === queue {
                outboxes[index].requests += 1
                return index
            }
            if outbox.queue == nil { vacant = index }
        }
        let opened = Outbox(queue: queue, requests: 1)
        guard let vacant else {
            outboxes.append(opened)
            return outboxes.count - 1
        }
        outboxes[vacant] = opened
        return vacant
    }

    /// One request fewer; letters that wait are still sent.
    mutating func close(_ index: Int) { outboxes[index].requests -= 1 }

    mutating func put(
        _ update: GenerationUpdate, in index: Int,
        _ receive: @escaping @Sendable (GenerationUpdate) -> Void
    ) {
        outboxes[index].letters.append(Letter(receive: receive, update: update))
    }

    /// One hop per queue that has news.
    mutating func send() {
        for index in outboxes.indices {
            if let queue = outboxes[index].queue, !outboxes[index].letters.isEmpty {
                var letters: [Letter] = []
                letters.reserveCapacity(outboxes[index].letters.count)
                swap(&letters, &outboxes[index].letters)
                queue.async { [letters] in
                    for letter in letters { letter.receive(letter.update) }
                }
            }
            if outboxes[index].requests == 0 { outboxes[index].queue = nil }
        }
    }
}
