// SchedulerAudit.swift: the invariants of pages and sequences, checked from outside the scheduler.
import Core

@testable import Scheduling

/// Violations of the invariants that hold between any two calls; empty when all is well.
func audit(_ scheduler: Scheduler) -> [String] {
    var problems: [String] = []
    for (group, pool) in scheduler.pools.enumerated() {
        problems += auditPool(scheduler, group, pool)
    }
    var width = 0
    for slot in scheduler.running {
        let state = scheduler.sequences[slot]
        width += state.width
        if state.phase != .running { problems.append("slot \(slot) runs in phase \(state.phase)") }
        for group in scheduler.groups.indices { problems += auditTable(scheduler, slot, group) }
    }
    if Set(scheduler.running).count != scheduler.running.count { problems.append("a slot runs twice") }
    if width != scheduler.width { problems.append("width \(scheduler.width), counted \(width)") }
    if width > scheduler.limits.sequencesMax { problems.append("width \(width) above the limit") }
    for entry in scheduler.queue.entries where scheduler.sequences[entry.slot].phase != .waiting {
        problems.append("slot \(entry.slot) waits in phase \(scheduler.sequences[entry.slot].phase)")
    }
    for (slot, state) in scheduler.sequences.enumerated() {
        if state.phase != .running, state.tables.contains(where: { !$0.isEmpty }) {
            problems.append("slot \(slot) holds pages in phase \(state.phase)")
        }
        if state.phase == .awaitingFork, !scheduler.sequences[state.leader].siblings.contains(slot) {
            problems.append("slot \(slot) awaits a leader that does not know it")
        }
    }
    return problems
}

private func auditPool(_ scheduler: Scheduler, _ group: Int, _ pool: PagePool) -> [String] {
    var problems: [String] = []
    if pool.freeCount + pool.usedCount + pool.cachedCount != pool.count {
        problems.append(
            "group \(group): \(pool.freeCount) free + \(pool.usedCount) used + \(pool.cachedCount) cached"
                + " != \(pool.count)")
    }
    var references = Array(repeating: Int32(0), count: pool.count)
    for state in scheduler.sequences {
        for page in state.tables[group] where page >= 0 { references[Int(page)] += 1 }
    }
    if references != pool.references { problems.append("group \(group): references do not match the tables") }
    let used = references.count { $0 > 0 }
    let cached = references.indices.count { references[$0] == 0 && pool.names[$0] != .none }
    if used != pool.usedCount { problems.append("group \(group): used \(pool.usedCount), counted \(used)") }
    if cached != pool.cachedCount {
        problems.append("group \(group): cached \(pool.cachedCount), counted \(cached)")
    }
    for page in 0..<pool.count where pool.names[page] != .none && pool.page(named: pool.names[page]) != Int32(page) {
        problems.append("group \(group): page \(page) is not under its name")
    }
    return problems
}

private func auditTable(_ scheduler: Scheduler, _ slot: Int, _ group: Int) -> [String] {
    let state = scheduler.sequences[slot]
    let size = scheduler.limits.pageSize
    let held = scheduler.groups[group].retention.firstPage(readFrom: state.computed, pageSize: size)
    if state.tables[group].count < (state.computed + size - 1) / size {
        return ["slot \(slot), group \(group): the table ends before the computed tokens"]
    }
    if state.firstHeld[group] != held && state.firstHeld[group] != state.tables[group].count {
        return ["slot \(slot), group \(group): holds from \(state.firstHeld[group]), reads from \(held)"]
    }
    for (index, page) in state.tables[group].enumerated() where (page < 0) != (index < state.firstHeld[group]) {
        return ["slot \(slot), group \(group): entry \(index) is page \(page)"]
    }
    return []
}
