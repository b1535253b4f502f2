// ServerQuestions.swift: what the generator asks a server before the load: is it there, which model
// has it, how many tokens are its words. One short connection for each question.
import Dispatch
import Glibc
import JSON

struct ServerQuestions {
    let target: LoadTarget
    let key: String?

    /// The first of the target's addresses at which a server answers, and its model's name.
    /// Throws if nobody answers at any.
    func meet(model: String?) throws(CommandFailure) -> (address: ClientAddress, model: String) {
        var reason = ""
        for address in try ClientAddress.resolve(target) {
            let answer: (status: Int, body: JSONValue?)
            do throws(LoadFailure) {
                answer = try ask("/v1/models", body: nil, at: address)
            } catch {
                reason = "\(error)"
                continue
            }
            let name = model ?? answer.body?["data"]?[0]?["id"]?.stringValue
            guard let name else {
                throw CommandFailure(
                    "\(target) names no model at /v1/models (status \(answer.status))",
                    advice: "give --model NAME, and --api-key if it wants one")
            }
            return (address, name)
        }
        throw CommandFailure(
            "no server answers at \(target): \(reason)",
            advice: "start it, or correct --url; `tokenmill serve --model PATH` is one")
    }

    /// Tokens per word of `PromptMaker`, by the server's own tokenizer; `nil` if it lends none.
    func tokensPerWord(model: String, at address: ClientAddress) -> Double? {
        let words = 512
        var maker = PromptMaker(seed: 1, tokensBelow: .max)
        let text = JSONValue.string(maker.words(words))
        // vLLM's shape, then llama-server's, which counts nothing in the first.
        for body: JSONValue in [["model": .string(model), "prompt": text], ["content": text]] {
            guard let answer = try? ask("/tokenize", body: body.serialized(), at: address),
                answer.status == 200, let tokens = answer.body?["tokens"]?.arrayValue, !tokens.isEmpty
            else {
                continue
            }
            return Double(tokens.count) / Double(words)
        }
        return nil
    }

    private func ask(
        _ path: String, body: [UInt8]?, at address: ClientAddress
    ) throws(LoadFailure) -> (status: Int, body: JSONValue?) {
        let socket = try ClientSocket(connectingTo: address)
        let end = DispatchTime.now().uptimeNanoseconds + UInt64(LoadLimits.questionSecondsMax) * 1_000_000_000
        var unsent = target.request(path, key: key, body: body)[...]
        var response = ResponseParser()
        var received: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: LoadLimits.readBytes)
        while !response.isComplete {
            try wait(for: socket, writable: !unsent.isEmpty, until: end)
            if !unsent.isEmpty {
                try socket.requireConnected()
                if case .bytes(let count) = socket.send(unsent) { unsent = unsent.dropFirst(count) }
            }
            switch socket.receive(into: &buffer) {
            case .bytes(let count): try response.read(buffer[..<count], into: &received)
            case .wouldBlock: break
            case .ended: guard response.close() else { throw .brokenOff }
            }
            guard received.count <= LoadLimits.answerBytesMax else {
                throw .malformed(.answerTooLong(limit: LoadLimits.answerBytesMax))
            }
        }
        return (response.status, try? JSONReader.parse(received))
    }

    private func wait(
        for socket: ClientSocket, writable: Bool, until end: UInt64
    ) throws(LoadFailure) {
        let now = DispatchTime.now().uptimeNanoseconds
        let timedOut = LoadFailure.timedOut(seconds: LoadLimits.questionSecondsMax)
        guard now < end else { throw timedOut }
        let events = Int16(writable ? POLLIN | POLLOUT : POLLIN)
        var polled = pollfd(fd: socket.descriptor, events: events, revents: 0)
        guard poll(&polled, 1, Int32((end - now) / 1_000_000)) != 0 else { throw timedOut }
    }
}
