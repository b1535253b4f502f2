// FairQueue.swift: who starts next. Lower priority values first; then sequences that had to give
// way; then the key that has had the least service; then the oldest.
// Service is counted in tokens. A key that returns after a pause starts at the service of the last
// one started, so that neither idling nor flooding earns an advantage (virtual token counters,
// Sheng et al., OSDI 2024; start tags as in start-time fair queueing).
import Core

struct FairQueue {
    struct Entry {
        var slot: Int
        let priority: Int
        let account: Int
        let order: UInt64
        let gaveWay: Bool
    }

    private struct Account {
        var key: String
        var served: UInt64
        var live: Int
    }

    private(set) var entries: [Entry] = []
    /// Entries that were never started.
    private(set) var freshCount = 0
    private var accounts: [Account] = []
    private var numbers: [String: Int] = [:]
    private var virtualTime: UInt64 = 0
    private let idleKeysMax: Int

    init(idleKeysMax: Int) { self.idleKeysMax = idleKeysMax }

    /// The account of a key; one more live sequence belongs to it.
    mutating func open(_ key: String) -> Int {
        let number = numbers[key] ?? add(key)
        if accounts[number].live == 0 {
            accounts[number].served = max(accounts[number].served, virtualTime)
        }
        accounts[number].live += 1
        return number
    }

    mutating func close(_ account: Int) {
        precondition(accounts[account].live > 0, "account \(account) closed twice")
        accounts[account].live -= 1
    }

    mutating func charge(_ account: Int, _ tokens: Int) { accounts[account].served += UInt64(tokens) }

    mutating func push(_ entry: Entry) {
        entries.append(entry)
        if !entry.gaveWay { freshCount += 1 }
    }

    /// The index of the entry to start next.
    func best() -> Int? {
        guard var best = entries.indices.first else { return nil }
        for index in entries.indices.dropFirst() where precedes(entries[index], entries[best]) { best = index }
        return best
    }

    mutating func remove(at index: Int, starting: Bool) {
        let entry = entries.remove(at: index)
        guard !entry.gaveWay else { return }
        freshCount -= 1
        if starting { virtualTime = max(virtualTime, accounts[entry.account].served) }
    }

    func index(ofSlot slot: Int) -> Int? { entries.firstIndex { $0.slot == slot } }

    mutating func replaceSlot(_ slot: Int, with other: Int) {
        guard let index = index(ofSlot: slot) else { preconditionFailure("slot \(slot) does not wait") }
        entries[index].slot = other
    }

    private func precedes(_ left: Entry, _ right: Entry) -> Bool {
        if left.priority != right.priority { return left.priority < right.priority }
        if left.gaveWay != right.gaveWay { return left.gaveWay }
        if !left.gaveWay, left.account != right.account {
            let (ours, theirs) = (accounts[left.account].served, accounts[right.account].served)
            if ours != theirs { return ours < theirs }
        }
        return left.order < right.order
    }

    /// Reuses the account of the idle key with the least service once there are many.
    private mutating func add(_ key: String) -> Int {
        let new = Account(key: key, served: 0, live: 0)
        var number = accounts.count
        if number >= idleKeysMax {
            let idle = accounts.indices.filter { accounts[$0].live == 0 }
            number = idle.min { accounts[$0].served < accounts[$1].served } ?? number
        }
        if number == accounts.count {
            accounts.append(new)
        } else {
            numbers[accounts[number].key] = nil
            accounts[number] = new
        }
        numbers[key] = number
        return number
    }
}
