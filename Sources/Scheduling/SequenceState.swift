// SequenceState.swift: what the scheduler knows of one sequence. Data only; Scheduler changes it.
//
// tokens:  [0 ........ cached) [cached .... computed) [computed .... known)
//           shared pages        our pages              the next steps' work
import Core

struct SequenceState {
    enum Phase { case vacant, waiting, running, awaitingFork }

    var id = SequenceID(rawValue: 0)
    var phase = Phase.vacant
    var priority = 0
    var account = 0
    /// Prompt and chosen tokens; `tokens.count` is "known".
    var tokens: [TokenID] = []
    var computed = 0
    /// Rows from this position on want logits. Never moves back, so that tokens are chosen once.
    var logitsFrom = 0
    /// Prompt tokens taken from the prefix index when first started.
    var cachedTokens = 0
    var hasStarted = false
    /// Its prompt is computed in pieces that spare the running streams, until it has caught up.
    var isLong = false
    /// Names of the full pages known so far, after the root of the salt.
    var chain: [PageHash] = []
    /// Per group, the page of `position / pageSize`; -1 once a window has left it behind.
    var tables: [[Int32]]
    /// Per group, the first table entry that is still held.
    var firstHeld: [Int]
    /// Slots of choices that will share this sequence's pages once its prompt is computed.
    var siblings: [Int] = []
    /// The slot whose prompt this sequence awaits.
    var leader = -1
    /// The plan this sequence has a span in.
    var plannedIn: UInt64 = 0

    init(groups: Int) {
        tables = Array(repeating: [], count: groups)
        firstHeld = Array(repeating: 0, count: groups)
    }

    /// Tokens known but not computed.
    var remaining: Int { tokens.count - computed }
    /// Running slots that this sequence takes, its unforked choices included.
    var width: Int { 1 + siblings.count }

    mutating func vacate() {
        phase = .vacant
        tokens = []
        chain = []
        siblings = []
        leader = -1
        hasStarted = false
        isLong = false
        cachedTokens = 0
        logitsFrom = 0
        forgetPages()
    }

    mutating func forgetPages() {
        computed = 0
        for group in tables.indices {
            tables[group].removeAll(keepingCapacity: phase != .vacant)
            firstHeld[group] = 0
        }
    }
}
