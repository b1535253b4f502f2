// Transport.swift: the bytes of one connection, with or without TLS around them.

/// A connected descriptor and, if secure, its TLS session.
final class Transport {
    let descriptor: Descriptor
    private let session: TLSSession?

    init(_ descriptor: Descriptor, session: TLSSession?) {
        self.descriptor = descriptor
        self.session = session
    }

    var isSecure: Bool { session != nil }

    var hasPendingBytes: Bool { session?.hasPendingBytes ?? false }

    func handshake() -> TransferResult {
        session?.handshake() ?? .bytes(0)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> TransferResult {
        session?.read(into: buffer) ?? descriptor.receive(into: buffer)
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> TransferResult {
        session?.write(bytes) ?? descriptor.send(bytes)
    }

    func endWriting() {
        session?.endWriting()
        descriptor.endWriting()
    }
}
