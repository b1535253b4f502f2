// ForwardPass.swift: what the engine asks of a model, and nothing else.
// One batch in, the logits of the rows asked for out; the cache lives behind it.

/// What one cache group remembers. A group is the set of layers that keep the same kind of state.
public enum CacheKind: Sendable, Hashable {
    /// Every position.
    case full
    /// The last `window` positions: position `t` sees `t - window + 1 ... t`.
    case slidingWindow(Int)
}

/// One cache group: its kind and the bytes of one of its pages over all layers of the group.
public struct CacheGroupDescription: Sendable, Hashable {
    public let kind: CacheKind
    public let layers: Int
    public let pageBytes: Int

    public init(kind: CacheKind, layers: Int, pageBytes: Int) {
        self.kind = kind
        self.layers = layers
        self.pageBytes = pageBytes
    }
}

/// Consecutive rows of one sequence in a batch.
public struct BatchSpan: Sendable, Hashable {
    /// Rows `[firstRow, firstRow + rowCount)` of the batch hold positions from `firstPosition` on.
    public var firstRow: Int
    public var rowCount: Int
    public var firstPosition: Int
    /// Per cache group, where this sequence's page table starts in `BatchInput.pageTables[group]`.
    /// Entry `position / pageSize` of the table is the page of that position; a page that a sliding
    /// window has left behind is -1 and is not read.
    public var tableStarts: [Int]

    public init(firstRow: Int, rowCount: Int, firstPosition: Int, tableStarts: [Int]) {
        self.firstRow = firstRow
        self.rowCount = rowCount
        self.firstPosition = firstPosition
        self.tableStarts = tableStarts
    }
}

/// A page whose content is copied before the step: copy-on-write of forked sequences.
public struct PageCopy: Sendable, Hashable {
    public var group: Int
    public var source: Int32
    public var target: Int32

    public init(group: Int, source: Int32, target: Int32) {
        self.group = group
        self.source = source
        self.target = target
    }
}

/// One step's work, flat. The engine owns one and refills it without allocating once arrays have grown.
public struct BatchInput: Sendable {
    /// `[rows]` token ids and their positions.
    public var tokens: [Int32] = []
    public var positions: [Int32] = []
    public var spans: [BatchSpan] = []
    /// `[groups][...]` page tables of all spans, one after the other.
    public var pageTables: [[Int32]] = []
    public var copies: [PageCopy] = []
    /// Rows whose logits are wanted, ascending.
    public var outputRows: [Int32] = []

    public init(groups: Int) { pageTables = Array(repeating: [], count: groups) }

    public mutating func removeAll() {
        tokens.removeAll(keepingCapacity: true)
        positions.removeAll(keepingCapacity: true)
        spans.removeAll(keepingCapacity: true)
        for group in pageTables.indices { pageTables[group].removeAll(keepingCapacity: true) }
        copies.removeAll(keepingCapacity: true)
        outputRows.removeAll(keepingCapacity: true)
    }
}

/// A model ready to run, with its cache. Used by one thread at a time.
public protocol ForwardPass: AnyObject {
    /// Columns of the logits.
    var vocabularySize: Int { get }
    /// Most positions a sequence may have.
    var contextMax: Int { get }
    /// Tokens in one cache page.
    var pageSize: Int { get }
    /// The cache groups, in the order of `BatchInput.pageTables`.
    var cacheGroups: [CacheGroupDescription] { get }
    /// Pages in each group's pool; page ids are `0 ..< pages`.
    var pageCounts: [Int] { get }
    /// Bounds that `run` relies on.
    var rowsMax: Int { get }
    var outputRowsMax: Int { get }

    /// Computes every row, writing keys and values into their pages, and returns the logits
    /// `[outputRows, vocabularySize]`, f32, row-major. The memory is valid until the next call.
    /// A row's result depends on its sequence alone: not on the batch, the chunking or the thread count.
    func run(_ batch: BatchInput) -> UnsafeMutableBufferPointer<Float>

    /// Threads that compute a step, the caller included.
    var workers: Int { get }
    /// Between two steps they may do other work: calls `body` once for each of `parts`, with the number of the
    /// worker that does it, several at a time, and returns when all are done.
    func spread(_ parts: Int, _ body: (_ part: Int, _ worker: Int) -> Void)
}
