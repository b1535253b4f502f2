// Interest.swift: whether anybody still waits for a piece of work; told by one thread, asked by another.
import Synchronization

public final class Interest: Sendable {
    private let lost = Atomic(false)

    public init() {}

    public var isLost: Bool { lost.load(ordering: .relaxed) }

    public func lose() { lost.store(true, ordering: .relaxed) }
}
