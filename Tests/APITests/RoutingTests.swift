import HTTPTypes
import JSON
import Service
import Testing

@testable import API

@Suite struct RoutingTests {
    @Test func `an unknown path is a 404 in OpenAI's shape`() throws {
        let answer = try Bench().get("/v1/nothing")
        #expect(answer.status == 404)
        #expect(answer.error?["message"]?.stringValue?.contains("/v1/nothing") == true)
        for key in ["message", "type", "param", "code"] { #expect(answer.error?[key] != nil) }
    }

    @Test(arguments: [
        ("GET", "/v1/chat/completions", "POST, OPTIONS"), ("POST", "/health", "GET, HEAD, OPTIONS"),
        ("PUT", "/v0/dedicated_endpoints/x", "GET, PATCH, DELETE, HEAD, OPTIONS"),
        ("DELETE", "/v0/dedicated_endpoints", "GET, POST, HEAD, OPTIONS"),
    ])
    func `a wrong method is a 405 with the right ones`(method: String, path: String, allow: String) throws {
        let answer = try Bench().send(IncomingRequest(method: method, path: path))
        #expect(answer.status == 405)
        #expect(answer.fields[.allow] == allow)
    }

    @Test func `OPTIONS names the methods`() throws {
        let answer = try Bench().send(IncomingRequest(method: "OPTIONS", path: "/v1/models"))
        #expect(answer.status == 204)
        #expect(answer.fields[.allow] == "GET, HEAD, OPTIONS")
    }

    @Test func `HEAD is answered like GET`() throws {
        let bench = try Bench()
        let head = try bench.send(IncomingRequest(method: "HEAD", path: "/v1/models"))
        #expect(head.status == 200)
        #expect(try head.body == bench.get("/v1/models").body)
    }

    @Test(arguments: [
        ("", "no body"), ("{", "byte 1"), (#"{"a":NaN}"#, "byte 5"), ("[]", "object"), (#"{"a":1,"a":2}"#, "twice"),
        ("{\"a\":\"\u{1}\"}", "control"), (#"{"temperature":1e999}"#, "range"), (#"{"a":"\ud800"}"#, "surrogate"),
    ])
    func `a body that is not one JSON object is refused with its place`(body: String, words: String) throws {
        let bench = try Bench()
        for path in ["/v1/chat/completions", "/v1/completions", "/tokenize", "/detokenize"] {
            let answer = try bench.send(.init(method: "POST", path: path, body: Array(body.utf8)))
            #expect(answer.status == 400)
            #expect(answer.error?["message"]?.stringValue?.contains(words) == true, "\(answer.text)")
            #expect(answer.error?["code"]?.stringValue == "invalid_json")
        }
    }

    @Test func `invalid UTF-8 is refused`() throws {
        let body = Array(#"{"prompt":""#.utf8) + [0xFF] + Array(#""}"#.utf8)
        let answer = try Bench().send(.init(method: "POST", path: "/v1/completions", body: body))
        #expect(answer.status == 400)
        #expect(answer.error?["message"]?.stringValue?.contains("UTF-8") == true)
    }

    @Test(arguments: [
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON;charset=\"UTF-8\"", 200),
        ("text/plain", 415), ("application/json; charset=latin1", 415), ("application/x-www-form-urlencoded", 415),
    ])
    func `a body is JSON in UTF-8 or refused`(type: String, status: Int) throws {
        let body: JSONValue = ["prompt": "x"]
        var request = IncomingRequest(method: "POST", path: "/v1/completions", body: body.serialized())
        request.fields[.contentType] = type
        #expect(try Bench().send(request).status == status)
    }

    @Test func `the request id is the caller's, or a fresh one`() throws {
        let bench = try Bench()
        var request = IncomingRequest(method: "GET", path: "/health")
        request.fields[.requestID] = "my-id.7"
        #expect(try bench.send(request).fields[.requestID] == "my-id.7")
        request.fields[.requestID] = "with space"
        #expect(try bench.send(request).fields[.requestID]?.count == 32)
        let one = try bench.get("/health").fields[.requestID]
        let two = try bench.get("/health").fields[.requestID]
        #expect(one != two)
    }

    @Test(arguments: ["a%2Fb", "%", "%zz", "%ff"]) func `percent escapes are decoded or left alone`(text: String) {
        let decoded = PercentCoding.decoded(text[...])
        #expect(decoded == (text == "a%2Fb" ? "a/b" : nil))
    }
}
