// Recorder.swift: a list that closures on any thread append to.
import Synchronization

final class Recorder: Sendable {
    private let list = Mutex<[Int]>([])
    var values: [Int] { list.withLock { $0 } }
    func append(_ value: Int) { list.withLock { $0.append(value) } }
}
