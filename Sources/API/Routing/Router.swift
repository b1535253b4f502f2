// Router.swift: finds the route of a method and a path. Pure.
// HEAD is answered as GET (the server leaves the body out), OPTIONS with the methods there are.

struct Router: Sendable {
    enum Outcome {
        case found(Route, parameter: String)
        case preflight(allow: [String])
        case wrongMethod(allow: [String])
        case unknown
    }

    struct Match {
        let outcome: Outcome
        /// The route's pattern, for metrics and the log; `none` if there is no such path.
        let pattern: String
        let isRoutine: Bool
    }

    private let routes: [Route]

    init(_ routes: [Route]) { self.routes = routes }

    func match(method: String, path: String) -> Match {
        let segments = Self.segments(of: path)
        var candidates: [(route: Route, parameter: String)] = []
        for route in routes {
            guard let parameter = Self.parameter(route.segments[...], segments[...]) else { continue }
            // Routes are listed from special to general: the first pattern that fits is the path's own.
            if let first = candidates.first, first.route.pattern != route.pattern { continue }
            candidates.append((route, parameter))
        }
        guard let first = candidates.first else {
            return Match(outcome: .unknown, pattern: "none", isRoutine: false)
        }
        let pattern = first.route.pattern
        let wanted = method == "HEAD" ? "GET" : method
        if let found = candidates.first(where: { $0.route.method == wanted }) {
            return Match(
                outcome: .found(found.route, parameter: found.parameter), pattern: pattern,
                isRoutine: found.route.isRoutine)
        }
        var allow = candidates.map(\.route.method)
        if allow.contains("GET") { allow.append("HEAD") }
        allow.append("OPTIONS")
        let outcome: Outcome = method == "OPTIONS" ? .preflight(allow: allow) : .wrongMethod(allow: allow)
        return Match(outcome: outcome, pattern: pattern, isRoutine: first.route.isRoutine)
    }

    /// Percent-decoded segments; a slash at the end does not matter.
    private static func segments(of path: String) -> [String] {
        path.split(separator: "/").map { PercentCoding.decoded($0) ?? String($0) }
    }

    /// What `{id}` stands for in the path (empty if the pattern has none); `nil` if the path does not fit.
    private static func parameter(_ pattern: ArraySlice<Substring>, _ path: ArraySlice<String>) -> String? {
        guard let wildcard = pattern.firstIndex(of: "{id}") else {
            return pattern.elementsEqual(path, by: { $0 == $1 }) ? "" : nil
        }
        let tail = pattern.suffix(from: wildcard + 1)
        guard path.count >= pattern.count,
            zip(pattern.prefix(upTo: wildcard), path).allSatisfy({ $0 == $1 }),
            zip(tail, path.suffix(tail.count)).allSatisfy({ $0 == $1 })
        else { return nil }
        return path[wildcard..<(path.count - tail.count)].joined(separator: "/")
    }
}
