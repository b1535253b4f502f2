// StopMatcher.swift: finds stop strings in text that arrives in pieces.
// Holds back exactly the longest end of the text that could still become a stop string, so never
// more than the longest stop string. How the text is cut into pieces changes nothing: the stop that
// ends first wins, and of those that end together the longest. Aho and Corasick 1975, over bytes.

/// Feeds on one choice's text, in order.
public struct StopMatcher: Sendable {
    private struct Node: Sendable {
        var children: [(byte: UInt8, node: Int32)] = []
        var failure: Int32 = 0
        var depth: Int32 = 0
        /// The longest stop string that ends here, or -1.
        var stop: Int32 = -1
    }

    private let stops: [String]
    private let includesStop: Bool
    private var nodes: [Node] = [Node()]
    private var node: Int32 = 0
    /// Bytes not yet given out.
    private var held: [UInt8] = []
    private var isDone = false

    /// - stops: not empty strings. - includeInOutput: whether the stop string itself is given out.
    public init(_ stops: [String], includeInOutput: Bool) {
        precondition(stops.allSatisfy { !$0.isEmpty }, "an empty stop string would stop everything")
        self.stops = stops
        includesStop = includeInOutput
        for (index, stop) in stops.enumerated() { insert(Array(stop.utf8), Int32(index)) }
        linkFailures()
    }

    private mutating func insert(_ bytes: [UInt8], _ stop: Int32) {
        var place = 0
        for byte in bytes {
            if let child = child(Int32(place), byte) {
                place = Int(child)
            } else {
                var fresh = Node()
                fresh.depth = nodes[place].depth + 1
                nodes.append(fresh)
                nodes[place].children.append((byte, Int32(nodes.count - 1)))
                place = nodes.count - 1
            }
        }
        if nodes[place].stop < 0 { nodes[place].stop = stop }
    }

    private func child(_ node: Int32, _ byte: UInt8) -> Int32? {
        nodes[Int(node)].children.first { $0.byte == byte }?.node
    }

    private mutating func linkFailures() {
        var queue: [Int32] = [0]
        var next = 0
        while next < queue.count {
            let place = queue[next]
            next += 1
            for (byte, below) in nodes[Int(place)].children {
                queue.append(below)
                if place != 0 {
                    let failure = step(nodes[Int(place)].failure, byte)
                    nodes[Int(below)].failure = failure
                    if nodes[Int(below)].stop < 0 { nodes[Int(below)].stop = nodes[Int(failure)].stop }
                }
            }
        }
    }

    private func step(_ node: Int32, _ byte: UInt8) -> Int32 {
        var place = node
        while true {
            if let below = child(place, byte) { return below }
            if place == 0 { return 0 }
            place = nodes[Int(place)].failure
        }
    }

    /// The text that is safe to give out, and the stop string that ended it. After a stop, nothing
    /// more comes out.
    public mutating func append(_ text: String) -> (text: String, stop: String?) {
        if isDone { return ("", nil) }
        if stops.isEmpty { return (text, nil) }
        for byte in text.utf8 {
            held.append(byte)
            node = step(node, byte)
            let stop = nodes[Int(node)].stop
            if stop >= 0 {
                isDone = true
                let found = stops[Int(stop)]
                if !includesStop { held.removeLast(found.utf8.count) }
                return (flush(held.count), found)
            }
        }
        return (flush(held.count - Int(nodes[Int(node)].depth)), nil)
    }

    /// What was held back, once no text follows.
    public mutating func finish() -> String {
        isDone = true
        return flush(held.count)
    }

    private mutating func flush(_ count: Int) -> String {
        let text = String(decoding: held[..<count], as: UTF8.self)
        held.removeSubrange(..<count)
        return text
    }
}
