// SimulatedCache.swift: pages whose slots record which history wrote them, so that a wrong table,
// a missed copy or a page reused too early shows as a wrong hash.
import Core

@testable import Scheduling

struct SimulatedCache {
    private var content: [[UInt64]]
    private let groups: [PageGroup]
    private let pageSize: Int

    init(groups: [PageGroup], pageSize: Int) {
        self.groups = groups
        self.pageSize = pageSize
        content = groups.map { Array(repeating: 0, count: $0.pageCount * pageSize) }
    }

    /// One value per position: everything up to and including it.
    static func histories(_ tokens: [TokenID]) -> [UInt64] {
        var state: UInt64 = 0x9e37_79b9_7f4a_7c15
        return tokens.map { token in
            state = (state ^ UInt64(UInt32(bitPattern: token))) &* 0xff51_afd7_ed55_8ccd
            state ^= state >> 29
            return state
        }
    }

    /// Computes a plan as a model would: copies, then all writes, then every read.
    mutating func run(_ plan: StepPlan, _ scheduler: Scheduler) -> [String] {
        for copy in plan.copies {
            let (source, target) = (Int(copy.source) * pageSize, Int(copy.target) * pageSize)
            for offset in 0..<pageSize {
                content[copy.group][target + offset] = content[copy.group][source + offset]
            }
        }
        var problems: [String] = []
        let histories = plan.spans.map { span in
            Self.histories(scheduler.tokens(of: span.sequence.slot) + span.draft)
        }
        for (span, history) in zip(plan.spans, histories) {
            for group in groups.indices {
                let table = scheduler.table(of: span.sequence.slot, group: group)
                for position in span.begin..<span.end {
                    let page = Int(table[position / pageSize])
                    content[group][page * pageSize + position % pageSize] = history[position]
                }
            }
        }
        for (span, history) in zip(plan.spans, histories) {
            for group in groups.indices {
                let table = scheduler.table(of: span.sequence.slot, group: group)
                var first = 0
                if case .window(let window) = groups[group].retention {
                    first = max(0, span.begin - window + 1)
                }
                for position in first..<span.end {
                    let page = Int(table[position / pageSize])
                    let read = page < 0 ? 0 : content[group][page * pageSize + position % pageSize]
                    if read != history[position] {
                        problems.append(
                            "\(span.sequence.id) from row \(span.begin), group \(group): position"
                                + " \(position) reads another history on page \(page)")
                    }
                }
            }
        }
        return problems
    }
}
