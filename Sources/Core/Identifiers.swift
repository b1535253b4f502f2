// Identifiers.swift: the names by which layers speak of tokens, requests and sequences.

/// An index into a model's vocabulary. A plain `Int32`, so that arrays of it cross into C without a copy.
public typealias TokenID = Int32

/// One submitted generation request; it owns one or more sequences (`n` choices).
public struct RequestID: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { "request-\(rawValue)" }
}

/// One line of tokens that the scheduler advances: one choice of one request.
public struct SequenceID: RawRepresentable, Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt64
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
    public var description: String { "sequence-\(rawValue)" }
}
