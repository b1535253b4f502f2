// FrozenArray.swift: numbers that are written once at load and then only read, by any thread.
// Exists because encoding reads tables millions of times per second: no bounds check, no
// copy-on-write check, no retain per access. Never grows, never changes after `init`.

final class FrozenArray<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        count = elements.count
        base = .allocate(capacity: max(1, elements.count))
        elements.withUnsafeBufferPointer { source in
            guard let first = source.baseAddress else { return }
            base.initialize(from: first, count: source.count)
        }
    }

    /// `count` copies of `element`; `fill` may change them before anyone else sees the array.
    init(repeating element: Element, count: Int, fill: (UnsafeMutablePointer<Element>) -> Void) {
        self.count = count
        base = .allocate(capacity: max(1, count))
        base.initialize(repeating: element, count: count)
        fill(base)
    }

    deinit { base.deallocate() }
}
