import Compute
import Synchronization
import Testing

struct WorkerTeamTests {
    @Test(arguments: [1, 2, 3, 8])
    func `every part is done exactly once, run after run`(count: Int) throws {
        let team = try WorkerTeam(count: count)
        #expect(team.count == count)
        for parts in [0, 1, 2, 7, 1000] {
            let done = (0..<parts).map { _ in Counter() }
            team.forEach(parts) { done[$0].add() }
            #expect(done.allSatisfy { $0.value == 1 })
        }
    }

    @Test func `a worker does one part at a time, and is told its number`() throws {
        let team = try WorkerTeam(count: 3)
        let busy = (0..<team.count).map { _ in Counter() }
        let done = (0..<200).map { _ in Counter() }
        team.forEach(done.count) { part, worker in
            #expect(busy[worker].add() == 1)
            done[part].add()
            busy[worker].add(-1)
        }
        #expect(done.allSatisfy { $0.value == 1 })
        team.forEach(1) { part, worker in #expect(part == 0 && worker == 0) }
    }

    @Test(arguments: [0, -1, WorkerTeam.countMax + 1])
    func `an impossible count is refused with the limit`(count: Int) {
        #expect(throws: WorkerTeamError.countOutOfRange(count: count, limit: WorkerTeam.countMax)) {
            try WorkerTeam(count: count)
        }
    }

    private final class Counter: Sendable {
        private let total = Atomic<Int>(0)
        @discardableResult func add(_ count: Int = 1) -> Int { total.add(count, ordering: .relaxed).newValue }
        var value: Int { total.load(ordering: .relaxed) }
    }
}
