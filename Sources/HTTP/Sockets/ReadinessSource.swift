// ReadinessSource.swift: a Dispatch read or write source with its three rules kept in one place:
// resumed and suspended in balance, resumed before it is cancelled, cancelled before its descriptor is closed.

import Dispatch

/// Calls an action while a descriptor is ready and the source is armed.
final class ReadinessSource {
    private let source: any DispatchSourceProtocol
    private var isArmed = false
    private var isCancelled = false

    /// Starts disarmed. The source owns `descriptor` until its cancellation is through.
    init(_ readiness: Readiness, of descriptor: Descriptor, queue: DispatchQueue, action: @escaping () -> Void) {
        switch readiness {
        case .readable: source = DispatchSource.makeReadSource(fileDescriptor: descriptor.raw, queue: queue)
        case .writable: source = DispatchSource.makeWriteSource(fileDescriptor: descriptor.raw, queue: queue)
        }
        source.setEventHandler(handler: action)
        source.setCancelHandler { withExtendedLifetime(descriptor) {} }
    }

    deinit {
        cancel()
    }

    func arm() {
        guard !isArmed, !isCancelled else { return }
        isArmed = true
        source.resume()
    }

    func disarm() {
        guard isArmed, !isCancelled else { return }
        isArmed = false
        source.suspend()
    }

    func cancel() {
        guard !isCancelled else { return }
        isCancelled = true
        source.cancel()
        // A suspended source never runs its cancel handler, and releasing one is a crash.
        if !isArmed { source.resume() }
    }
}
