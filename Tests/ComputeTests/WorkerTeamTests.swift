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

    @Test(arguments: [0, -1, WorkerTeam.countMax + 1])
    func `an impossible count is refused with the limit`(count: Int) {
        #expect(throws: WorkerTeamError.countOutOfRange(count: count, limit: WorkerTeam.countMax)) {
            try WorkerTeam(count: count)
        }
    }

    private final class Counter: Sendable {
        private let total = Atomic<Int>(0)
        func add() { total.add(1, ordering: .relaxed) }
        var value: Int { total.load(ordering: .relaxed) }
    }
}
