// AnswerReader.swift: one answer as its bytes arrive: framing, events, OpenAI's chunks, into a record.
// No I/O and no clock: the caller says when bytes came.
import JSON

struct AnswerReader {
    private var response = ResponseParser()
    private var events = EventParser()
    private var body: [UInt8] = []
    private var errorBody: [UInt8] = []
    private var bytesRead = 0
    private(set) var record: RequestRecord

    init(_ record: RequestRecord) { self.record = record }

    var isComplete: Bool { response.isComplete }
    var keepsAlive: Bool { response.keepsAlive }

    mutating func read(_ bytes: ArraySlice<UInt8>, at time: UInt64) throws(LoadFailure) {
        bytesRead += bytes.count
        guard bytesRead <= LoadLimits.answerBytesMax else {
            throw .malformed(.answerTooLong(limit: LoadLimits.answerBytesMax))
        }
        body.removeAll(keepingCapacity: true)
        try response.read(bytes, into: &body)
        guard response.status == 200 else {
            errorBody += body.prefix(LoadLimits.errorBytesMax - errorBody.count)
            return
        }
        for event in try events.read(body) { try read(event: event, at: time) }
    }

    /// The server has closed. False if the answer is incomplete.
    mutating func close() -> Bool { response.close() }

    /// The record at the end of the answer, or after a failure.
    mutating func end(at time: UInt64, failure: LoadFailure?) -> RequestRecord {
        record.endedAt = time
        record.failure = failure
        if failure == nil, response.status != 200 {
            record.failure = .status(response.status)
        } else if failure == nil, record.firstTextAt == nil {
            record.failure = .noText
        }
        if !errorBody.isEmpty { record.errorBody = String(decoding: errorBody, as: UTF8.self) }
        return record
    }

    private mutating func read(event: [UInt8], at time: UInt64) throws(LoadFailure) {
        if event.elementsEqual("[DONE]".utf8) { return }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONReader.parse(event)
        } catch {
            throw .malformed(.json)
        }
        if let error = value["error"], !error.isNull {
            errorBody = Array(event.prefix(LoadLimits.errorBytesMax))
            throw .errorEvent
        }
        if Self.hasText(value["choices"]?[0]) { record.noteText(at: time) }
        if let usage = value["usage"], !usage.isNull {
            record.promptTokens = usage["prompt_tokens"]?.intValue
            record.outputTokens = usage["completion_tokens"]?.intValue
        }
    }

    /// A role alone, or the end alone, is no token.
    private static func hasText(_ choice: JSONValue?) -> Bool {
        let delta = choice?["delta"]
        let texts = [
            choice?["text"], delta?["content"], delta?["reasoning"], delta?["reasoning_content"],
        ]
        return texts.contains { $0?.stringValue?.isEmpty == false }
    }
}
