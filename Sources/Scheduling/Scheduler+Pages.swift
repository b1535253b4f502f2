// Scheduler+Pages.swift: which pages a sequence needs, shares, copies and leaves behind.
import Core

extension Scheduler {
    /// How much of a waiting sequence the prefix index holds.
    struct PrefixMatch {
        /// Full pages from the start whose content every group still has, as far as it is read.
        var pages: Int
    }

    /// The longest prefix that every group can serve: all its pages where all are kept,
    /// those that the next row still reads where a window is. One row at least stays to compute.
    mutating func prefixMatch(_ slot: Int) -> PrefixMatch {
        let longest = sequences[slot].logitsFrom / limits.pageSize
        extendChain(slot, pages: longest)
        var end = longest
        for group in groups.indices where groups[group].retention == .all {
            var count = 0
            while count < end, pools[group].page(named: sequences[slot].chain[count + 1]) != nil {
                count += 1
            }
            end = count
        }
        for group in groups.indices where groups[group].retention != .all {
            // reach[page]: how many pages up to this one follow each other without a gap.
            reach[group].removeAll(keepingCapacity: true)
            var run: Int32 = 0
            for page in 0..<end {
                run = pools[group].page(named: sequences[slot].chain[page + 1]) == nil ? 0 : run + 1
                reach[group].append(run)
            }
        }
        while end > 0, !windowsReach(end) { end -= 1 }
        return PrefixMatch(pages: end)
    }

    private func windowsReach(_ end: Int) -> Bool {
        for group in groups.indices where groups[group].retention != .all {
            let first = groups[group].retention.firstPage(
                readFrom: end * limits.pageSize, pageSize: limits.pageSize)
            if Int(reach[group][end - 1]) < end - first { return false }
        }
        return true
    }

    /// Whether all of a waiting sequence would fit beside what running ones will still take,
    /// once `victims` have given their pages back.
    func pagesSuffice(_ slot: Int, _ match: PrefixMatch, without victims: [Int] = []) -> Bool {
        for group in groups.indices {
            let freed = pagesFreed(by: victims, group)
            let promised = victims.reduce(0) {
                $0 + pagesToCome($1, group, tokens: sequences[$1].tokens.count + 1)
            }
            let retention = groups[group].retention
            let first = retention.firstPage(
                readFrom: match.pages * limits.pageSize, pageSize: limits.pageSize)
            var revived = 0
            for page in first..<max(first, match.pages) {
                if let hit = pools[group].page(named: sequences[slot].chain[page + 1]),
                    pools[group].isCached(hit) || freed.contains(hit)
                {
                    revived += 1
                }
            }
            let tokens = sequences[slot].tokens.count + sequences[slot].width
            let chunk = min(limits.chunkTokensMax, sequences[slot].tokens.count)
            let most = retention.pagesHeldMax(
                tokens: tokens, chunk: chunk, pageSize: limits.pageSize)
            let fresh = max(0, min(most, pools[group].count) - (match.pages - first))
            let available = pools[group].availableCount + freed.count
            if fresh + revived + pledged[group] - promised > available { return false }
        }
        return true
    }

    /// Pages of a group that nobody else than these sequences holds.
    private func pagesFreed(by victims: [Int], _ group: Int) -> Set<Int32> {
        if victims.isEmpty { return [] }
        var holders: [Int32: Int32] = [:]
        for victim in victims {
            for page in sequences[victim].tables[group].dropFirst(sequences[victim].firstHeld[group]) {
                holders[page, default: 0] += 1
            }
        }
        return Set(holders.lazy.filter { pools[group].references[Int($0)] == $1 }.map(\.key))
    }

    /// Pages that a running sequence takes beyond those it holds, until `tokens` are computed.
    func pagesToCome(_ slot: Int, _ group: Int, tokens: Int) -> Int {
        let chunk = min(limits.chunkTokensMax, tokens - sequences[slot].computed)
        let most = groups[group].retention.pagesHeldMax(
            tokens: tokens, chunk: chunk, pageSize: limits.pageSize)
        return max(
            0, most - (sequences[slot].tables[group].count - sequences[slot].firstHeld[group]))
    }

    /// Puts the pages of a match into the sequence's tables.
    mutating func take(_ match: PrefixMatch, _ slot: Int) {
        for group in groups.indices {
            let first = groups[group].retention.firstPage(
                readFrom: match.pages * limits.pageSize, pageSize: limits.pageSize)
            for page in 0..<match.pages {
                guard page >= first else {
                    sequences[slot].tables[group].append(-1)
                    continue
                }
                guard let hit = pools[group].page(named: sequences[slot].chain[page + 1]) else {
                    preconditionFailure("a matched page vanished from group \(group)")
                }
                pools[group].retain(hit)
                sequences[slot].tables[group].append(hit)
            }
            sequences[slot].firstHeld[group] = min(first, match.pages)
        }
        sequences[slot].computed = match.pages * limits.pageSize
    }

    /// How many of the next `count` tokens the pools have pages for.
    func tokensThatFit(_ slot: Int, _ count: Int) -> Int {
        let computed = sequences[slot].computed
        var fit = count
        for group in groups.indices {
            var available = pools[group].availableCount
            if sharesPartialPage(slot, group) { available -= 1 }
            if available < 0 { return 0 }
            let capacity = (sequences[slot].tables[group].count + available) * limits.pageSize
            fit = min(fit, capacity - computed)
        }
        return fit
    }

    /// Whether the page that the next token goes into belongs to another fork too.
    private func sharesPartialPage(_ slot: Int, _ group: Int) -> Bool {
        let computed = sequences[slot].computed
        guard computed % limits.pageSize != 0 else { return false }
        let page = sequences[slot].tables[group][computed / limits.pageSize]
        return pools[group].references[Int(page)] > 1
    }

    /// Extends the tables to hold positions below `end`; a shared partial page is copied first.
    mutating func allocate(_ slot: Int, upTo end: Int, _ plan: inout StepPlan) {
        let pageCount = (end + limits.pageSize - 1) / limits.pageSize
        let partial = sequences[slot].computed / limits.pageSize
        for group in groups.indices {
            if sharesPartialPage(slot, group) {
                let source = sequences[slot].tables[group][partial]
                let target = freshPage(group)
                plan.copies.append(StepPlan.Copy(group: group, source: source, target: target))
                pools[group].release(source)
                sequences[slot].tables[group][partial] = target
            }
            while sequences[slot].tables[group].count < pageCount {
                let page = freshPage(group)
                sequences[slot].tables[group].append(page)
            }
        }
    }

    private mutating func freshPage(_ group: Int) -> Int32 {
        guard let page = pools[group].allocate() else {
            preconditionFailure("group \(group) has no page left after a check that it had")
        }
        return page
    }

    /// Names pages of known tokens, as many as are full.
    mutating func extendChain(_ slot: Int, pages: Int) {
        while sequences[slot].chain.count <= pages {
            let page = sequences[slot].chain.count - 1
            let range = page * limits.pageSize..<(page + 1) * limits.pageSize
            let name = hasher.next(sequences[slot].chain[page], sequences[slot].tokens[range])
            sequences[slot].chain.append(name)
        }
    }
}
