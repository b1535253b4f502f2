// RecordedAnswer.swift: a whole answer, read back.
import HTTPTypes
import JSON

struct RecordedAnswer {
    let status: Int
    let fields: HTTPFields
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }

    var json: JSONValue {
        get throws { try JSONReader.parse(body) }
    }

    var error: JSONValue? { try? json["error"] }

    /// The data of each event, `[DONE]` left out; nil if the stream is not well-formed or has no end mark.
    var events: [JSONValue]? {
        var events: [JSONValue] = []
        let parts = text.split(separator: "\n\n", omittingEmptySubsequences: false)
        guard parts.last == "", parts.dropLast().last == "data: [DONE]" else { return nil }
        for part in parts.dropLast(2) {
            guard part.hasPrefix("data: "), let event = try? JSONReader.parse(String(part.dropFirst(6))) else {
                return nil
            }
            events.append(event)
        }
        return events
    }
}
