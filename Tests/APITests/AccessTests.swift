import Engine
import HTTPTypes
import JSON
import ScriptedModel
import Service
import Testing

@testable import API

@Suite struct AccessTests {
    private static func bench() throws -> Bench {
        var configuration = ServiceConfiguration()
        configuration.keys = KeyRing([
            APIKey(name: "all", secret: "sk-all"),
            APIKey(name: "other", secret: "sk-other", endpoints: ["elsewhere"]),
            APIKey(name: "boss", secret: "sk-boss", isAdministrator: true),
        ])
        return try Bench(configuration: configuration)
    }

    private static func request(_ method: String, _ path: String, key: String?, _ body: JSONValue = [:]) -> IncomingRequest {
        var request = IncomingRequest(method: method, path: path, body: body.serialized())
        request.fields[.authorization] = key
        return request
    }

    @Test(arguments: [nil, "sk-all", "Basic sk-all", "Bearer", "Bearer wrong", "Bearer sk-al", "Bearer sk-all2"])
    func `without a valid key there is a 401`(field: String?) throws {
        let bench = try Self.bench()
        let answer = try bench.send(Self.request("POST", "/v1/completions", key: field, ["prompt": "x"]))
        #expect(answer.status == 401)
        #expect(answer.fields[.wwwAuthenticate] == "Bearer")
        #expect(bench.engine.requests.isEmpty)
    }

    @Test(arguments: ["Bearer sk-all", "bearer  sk-all", "Bearer sk-boss"])
    func `a valid key opens the door`(field: String) throws {
        let bench = try Self.bench()
        let answer = try bench.send(Self.request("POST", "/v1/completions", key: field, ["prompt": "x"]))
        #expect(answer.status == 200)
        #expect(bench.engine.requests.first?.fairnessKey == (field.contains("boss") ? "boss" : "all"))
    }

    @Test func `a key for other endpoints is a 403`() throws {
        let bench = try Self.bench()
        for path in ["/v1/completions", "/tokenize"] {
            let answer = try bench.send(Self.request("POST", path, key: "Bearer sk-other", ["prompt": "x"]))
            #expect(answer.status == 403)
        }
        #expect(try bench.send(Self.request("GET", "/v1/models/tiny", key: "Bearer sk-other")).status == 403)
        let list = try bench.send(Self.request("GET", "/v1/models", key: "Bearer sk-other")).json
        #expect(list["data"] == [])
    }

    @Test func `only administrators change endpoints`() throws {
        let bench = try Self.bench()
        let path = "/v0/dedicated_endpoints"
        #expect(try bench.send(Self.request("POST", path, key: "Bearer sk-all", ["name": "x"])).status == 403)
        #expect(try bench.send(Self.request("POST", path, key: "Bearer sk-boss", ["name": "x"])).status == 201)
        #expect(try bench.send(Self.request("GET", path, key: "Bearer sk-all")).status == 200)
    }

    @Test(arguments: ["/health", "/ready", "/metrics", "/version"]) func `probes need no key`(path: String) throws {
        #expect(try Self.bench().get(path).status == 200)
    }
}
