// BatchInput+Load.swift: a plan as flat arrays. Arrays keep their capacity from step to step.
import Models
import Scheduling

extension BatchInput {
    /// Replaces the content by a plan's rows, page tables, copies and output rows.
    mutating func load(_ plan: StepPlan, from scheduler: Scheduler, pageSize: Int) {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        outputRows.removeAll(keepingCapacity: true)
        copies.removeAll(keepingCapacity: true)
        for group in pageTables.indices { pageTables[group].removeAll(keepingCapacity: true) }
        for copy in plan.copies {
            copies.append(PageCopy(group: copy.group, source: copy.source, target: copy.target))
        }
        // Spans hold arrays of their own, so they are refilled in place.
        if spans.count > plan.spans.count { spans.removeLast(spans.count - plan.spans.count) }
        while spans.count < plan.spans.count {
            let starts = Array(repeating: 0, count: pageTables.count)
            spans.append(BatchSpan(firstRow: 0, rowCount: 0, firstPosition: 0, tableStarts: starts))
        }
        for (index, span) in plan.spans.enumerated() {
            let firstRow = tokens.count
            spans[index].firstRow = firstRow
            spans[index].rowCount = span.end - span.begin
            spans[index].firstPosition = span.begin
            tokens.append(
                contentsOf: scheduler.tokens(of: span.sequence.slot)[span.begin..<span.knownEnd])
            tokens.append(contentsOf: span.draft)
            for position in span.begin..<span.end { positions.append(Int32(position)) }
            for position in span.outputBegin..<span.end {
                outputRows.append(Int32(firstRow + position - span.begin))
            }
            let pages = (span.end + pageSize - 1) / pageSize
            for group in pageTables.indices {
                spans[index].tableStarts[group] = pageTables[group].count
                let table = scheduler.table(of: span.sequence.slot, group: group)
                pageTables[group].append(contentsOf: table[..<pages])
            }
        }
    }
}
