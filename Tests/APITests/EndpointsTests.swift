import JSON
import Service
import Testing

@testable import API

@Suite struct EndpointsTests {
    private static let path = "/v0/dedicated_endpoints"

    @Test func `an endpoint lives from POST to DELETE`() throws {
        let bench = try Bench()
        let body: JSONValue = [
            "name": "mine", "model_name": "tiny", "flavor_name": "base", "gpu_type": "none", "gpu_count": 0,
            "region": "eu", "scaling": ["min_replicas": 0, "max_replicas": 3, "load_targets": ["default": 0.7]],
            "limits": ["waiting_max": 7, "queue_seconds_max": 2.5],
        ]
        let created = try bench.post(Self.path, body)
        #expect(created.status == 201)
        let json = try created.json
        let id = try #require(json["id"]?.stringValue)
        let routingKey = try #require(json["routing_key"]?.stringValue)
        #expect(json["scaling"]?["max_replicas"]?.intValue == 3)
        #expect(json["scaling"]?["load_targets"] == ["default": 0.7])
        #expect(json["limits"]?["waiting_max"]?.intValue == 7)
        #expect(json["region"]?.stringValue == "eu")
        #expect(try bench.get(Self.path).json["data"]?.arrayValue?.count == 2)
        for key in [id, routingKey, "mine"] {
            #expect(try bench.get("\(Self.path)/\(key)").json["id"]?.stringValue == id)
            #expect(try bench.complete(["model": .string(key)]).status == 200)
        }
        let change: JSONValue = ["name": "yours", "scaling": ["max_replicas": 5], "replicas": 2]
        let changed = try bench.post("\(Self.path)/\(id)", change, method: "PATCH").json
        #expect(changed["name"]?.stringValue == "yours")
        #expect(changed["scaling"]?["max_replicas"]?.intValue == 5)
        #expect(changed["scaling"]?["min_replicas"]?.intValue == 0)
        #expect(changed["replicas"]?.intValue == 2)
        #expect(changed["routing_key"]?.stringValue == routingKey)
        #expect(try bench.complete(["model": "mine"]).status == 404)
        let deleted = try bench.send(IncomingRequest(method: "DELETE", path: "\(Self.path)/\(id)"))
        #expect(try deleted.json["deleted"]?.boolValue == true)
        #expect(try bench.get("\(Self.path)/\(id)").status == 404)
        #expect(try bench.complete(["model": .string(routingKey)]).status == 404)
    }

    @Test(arguments: [
        ([:], "name"), (["name": ""], "name"), (["name": "a b"], "name"), (["name": 5], "name"),
        (["name": "x", "model": "none"], "model"), (["name": "x", "scaling": 5], "scaling"),
        (["name": "x", "scaling": ["min_replicas": 3, "max_replicas": 2]], "scaling"),
        (["name": "x", "scaling": ["min_replicas": -1]], "scaling.min_replicas"),
        (["name": "x", "scaling": ["max_replicas": 0]], "scaling"),
        (["name": "x", "scaling": ["load_targets": ["speed": 1]]], "scaling.load_targets.speed"),
        (["name": "x", "scaling": ["load_targets": [:]]], "scaling"),
        (["name": "x", "scaling": ["bogus": 1]], "scaling.bogus"),
        (["name": "x", "limits": ["waiting_max": 0]], "limits.waiting_max"), (["name": "x", "bogus": 1], "bogus"),
    ] as [(JSONValue, String)])
    func `a bad endpoint is refused by field`(body: JSONValue, param: String) throws {
        let bench = try Bench()
        let answer = try bench.post(Self.path, body)
        #expect(answer.status == 400)
        #expect(answer.error?["param"]?.stringValue == param, "\(answer.text)")
        #expect(bench.service.endpoints.all.count == 1)
    }

    @Test func `numbers come back as they were sent`() throws {
        let bench = try Bench()
        let scaling: JSONValue = ["tolerance": 0.1, "scale_up_window_seconds": 33.3]
        _ = try bench.post("\(Self.path)/tiny", ["scaling": scaling], method: "PATCH")
        let shown = try bench.get("\(Self.path)/tiny").json["scaling"]
        #expect(shown?["tolerance"]?.doubleValue == 0.1)
        #expect(shown?["scale_up_window_seconds"]?.doubleValue == 33.3)
    }

    @Test func `endpoints show how many replicas they should have, and why`() throws {
        let bench = try Bench()
        let listed = try bench.get(Self.path).json["data"]?[0]
        let one = try bench.get("\(Self.path)/tiny").json
        for shown in [listed, one] {
            #expect(shown?["desired_replicas"]?.intValue == 1)
            #expect(shown?["reason"]?.stringValue == "no load has been seen yet")
        }
    }

    @Test func `a name is given once`() throws {
        let bench = try Bench()
        #expect(try bench.post(Self.path, ["name": "tiny"]).status == 409)
    }

    @Test func `the hint has signals, replicas and a reason in words`() throws {
        let bench = try Bench()
        let before = try bench.get("\(Self.path)/tiny/autoscaling").json
        #expect(before["reason"]?.stringValue == "no load has been seen yet")
        #expect(before["desired_replicas"]?.intValue == 1)
        #expect(try bench.get("\(Self.path)/none/autoscaling").status == 404)
    }
}
