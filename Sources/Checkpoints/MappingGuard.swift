// MappingGuard.swift: a file that is shortened while it is mapped must not end the process.
// Reading a mapped page that the file no longer has raises SIGBUS. For addresses inside our
// mappings the handler puts zeros there and marks the mapping as lost, which `requireUnchanged`
// then reports; for any other address it steps aside and lets the signal do what it did before.
//
// The handler only loads and stores atomics and calls mmap and sigaction: nothing that takes a
// lock or allocates. The table is reached through a plain global, which needs no lazy start.

import Glibc
import Synchronization

/// One mapping that is guarded. A slot is free when `end` is 0.
private struct GuardSlot: ~Copyable {
    let base = Atomic<UInt>(0)
    let end = Atomic<UInt>(0)
    let isLost = Atomic<Bool>(false)
}

private nonisolated(unsafe) var slots: UnsafeMutablePointer<GuardSlot>?
private nonisolated(unsafe) var previousAction = sigaction()
private nonisolated(unsafe) var pageMask: UInt = 0

enum MappingGuard {
    /// Files that can be mapped at one time.
    static let mappingsMax = 4096

    /// Held while a slot is taken or the handler is installed; never by the handler.
    private static let registration = Registration()

    /// A lock in an object of its own: one of no content, in a static, loses its place when optimized.
    private final class Registration: Sendable {
        let taken = Mutex(0)
    }

    /// Answers the slot that guards this mapping, or nil when all are taken.
    static func register(_ bytes: UnsafeRawBufferPointer) -> Int? {
        registration.taken.withLock { taken in
            let table = slots ?? install()
            guard let index = (0..<mappingsMax).first(where: { isFree(table, $0) }) else {
                return nil
            }
            let base = UInt(bitPattern: bytes.baseAddress)
            table[index].isLost.store(false, ordering: .relaxed)
            table[index].base.store(base, ordering: .relaxed)
            // Last, and with release: a slot with an end has the base that belongs to it.
            table[index].end.store(base + UInt(bytes.count), ordering: .releasing)
            taken += 1
            return index
        }
    }

    /// Frees the slot; the mapping must still be in place, so that no other can have its address.
    static func unregister(_ index: Int) {
        slots![index].end.store(0, ordering: .releasing)
    }

    /// Whether zeros stand where the file could not be read.
    static func isLost(_ index: Int) -> Bool {
        slots![index].isLost.load(ordering: .acquiring)
    }

    private static func isFree(_ table: UnsafeMutablePointer<GuardSlot>, _ index: Int) -> Bool {
        table[index].end.load(ordering: .relaxed) == 0
    }

    private static func install() -> UnsafeMutablePointer<GuardSlot> {
        let table = UnsafeMutablePointer<GuardSlot>.allocate(capacity: mappingsMax)
        for index in 0..<mappingsMax { (table + index).initialize(to: GuardSlot()) }
        pageMask = UInt(sysconf(Int32(_SC_PAGESIZE))) - 1
        slots = table
        var action = sigaction()
        action.sa_flags = SA_SIGINFO | SA_ONSTACK
        action.__sigaction_handler.sa_sigaction = { _, info, _ in handle(info) }
        sigaction(SIGBUS, &action, &previousAction)
        return table
    }
}

/// Runs inside the signal: see the top of this file for what it may do.
private func handle(_ info: UnsafeMutablePointer<siginfo_t>?) {
    let savedError = errno
    if let info, let slots {
        let address = UInt(bitPattern: info.pointee._sifields._sigfault.si_addr)
        for index in 0..<MappingGuard.mappingsMax {
            let end = slots[index].end.load(ordering: .acquiring)
            guard address < end, address >= slots[index].base.load(ordering: .relaxed) else {
                continue
            }
            slots[index].isLost.store(true, ordering: .releasing)
            // All from here on: what follows a missing page is missing too, or not to be trusted.
            let page = address & ~pageMask
            let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED
            let zeros = mmap(
                UnsafeMutableRawPointer(bitPattern: page), Int(end - page), PROT_READ, flags, -1, 0)
            guard zeros != MAP_FAILED else { break }
            errno = savedError
            return
        }
    }
    // Not ours: the read happens again when this returns, and meets the earlier handler.
    sigaction(SIGBUS, &previousAction, nil)
    errno = savedError
}
