import Testing

@testable import Service

@Suite struct EndpointRegistryTests {
    private static func create(_ name: String, in registry: EndpointRegistry) throws(EndpointError) -> Endpoint {
        try registry.create(name: name, model: "m", createdAt: 0)
    }

    @Test func `there are at most so many endpoints, and a removed one makes room`() throws {
        let registry = EndpointRegistry()
        let all = try (0..<EndpointRegistry.endpointsMax).map { try Self.create("e\($0)", in: registry) }
        #expect(throws: EndpointError.tooMany(limit: 256)) { try Self.create("more", in: registry) }
        _ = try registry.remove(all[7].id)
        #expect(try Self.create("more", in: registry).name == "more")
        #expect(registry.find("e7") == nil)
    }

    @Test(arguments: ["", "a b", "a\u{7F}", String(repeating: "n", count: 257)])
    func `a name has no white space and few bytes`(name: String) {
        #expect(throws: EndpointError.nameInvalid(name)) { try Self.create(name, in: EndpointRegistry()) }
    }

    @Test func `an endpoint is found by id, name and routing key until they change`() throws {
        let registry = EndpointRegistry()
        let made = try Self.create("old", in: registry)
        for key in [made.id, made.name, made.routingKey] { #expect(registry.find(key) == made) }
        _ = try registry.update(made.id) { $0.name = "new" }
        #expect(registry.find("old") == nil)
        #expect(registry.find("new")?.id == made.id)
        _ = try Self.create("old", in: registry)
        #expect(throws: EndpointError.nameTaken("old")) { try registry.update(made.id) { $0.name = "old" } }
    }

    @Test func `a refused change changes nothing`() throws {
        let registry = EndpointRegistry()
        let made = try Self.create("e", in: registry)
        #expect(throws: EndpointError.self) { try registry.update(made.id) { $0.limits.waitingMax = 0 } }
        #expect(registry.find("e") == made)
        #expect(throws: EndpointError.unknown(id: "x")) { try registry.remove("x") }
    }
}
