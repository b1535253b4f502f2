// EventParser.swift: server-sent events: the lines of a body to the data of its events.
// No I/O: any split of the bytes gives the same. Names, ids and comments are dropped.

struct EventParser {
    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false

    /// Reads on and returns the data of all events that are complete now.
    mutating func read(_ bytes: some Sequence<UInt8>) throws(LoadFailure) -> [[UInt8]] {
        var events: [[UInt8]] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                line.append(byte)
                guard line.count <= LoadLimits.lineBytesMax else {
                    throw .malformed(.lineTooLong(limit: LoadLimits.lineBytesMax))
                }
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            if line.isEmpty, hasData {
                events.append(data)
                data.removeAll(keepingCapacity: true)
                hasData = false
            } else {
                try readLine()
            }
            line.removeAll(keepingCapacity: true)
        }
        return events
    }

    private mutating func readLine() throws(LoadFailure) {
        guard line.starts(with: "data:".utf8) else { return }
        // The lines of one event's data are joined by line feeds.
        if hasData { data.append(UInt8(ascii: "\n")) }
        hasData = true
        let content = line.dropFirst(5)
        data += content.first == UInt8(ascii: " ") ? content.dropFirst() : content
        guard data.count <= LoadLimits.lineBytesMax else {
            throw .malformed(.lineTooLong(limit: LoadLimits.lineBytesMax))
        }
    }
}
