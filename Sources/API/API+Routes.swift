// API+Routes.swift: every path there is, as a table.

extension API {
    static let routes: [Route] = [
        Route("POST", "/v1/chat/completions", .members) { call throws(APIError) in try ChatHandler.answer(call) },
        Route("POST", "/v1/completions", .members) { call throws(APIError) in try CompletionHandler.answer(call) },
        Route("GET", "/v1/models", .members) { call throws(APIError) in ModelsHandler.list(call) },
        Route("GET", "/v1/models/{id}", .members) { call throws(APIError) in try ModelsHandler.one(call) },
        Route("POST", "/tokenize", .members) { call throws(APIError) in try TokenizeHandler.tokenize(call) },
        Route("POST", "/detokenize", .members) { call throws(APIError) in try TokenizeHandler.detokenize(call) },
        Route("GET", "/health", .open, isRoutine: true) { call throws(APIError) in StatusHandler.health(call) },
        Route("GET", "/ready", .open, isRoutine: true) { call throws(APIError) in try StatusHandler.ready(call) },
        Route("GET", "/metrics", .open, isRoutine: true) { call throws(APIError) in StatusHandler.metrics(call) },
        Route("GET", "/version", .open, isRoutine: true) { call throws(APIError) in StatusHandler.version(call) },
        Route("GET", "/v0/dedicated_endpoints", .members) { call throws(APIError) in
            EndpointsHandler.list(call)
        },
        Route("POST", "/v0/dedicated_endpoints", .administrators) { call throws(APIError) in
            try EndpointsHandler.create(call)
        },
        Route("GET", "/v0/dedicated_endpoints/{id}/autoscaling", .members) { call throws(APIError) in
            try EndpointsHandler.autoscaling(call)
        },
        Route("GET", "/v0/dedicated_endpoints/{id}", .members) { call throws(APIError) in
            try EndpointsHandler.one(call)
        },
        Route("PATCH", "/v0/dedicated_endpoints/{id}", .administrators) { call throws(APIError) in
            try EndpointsHandler.update(call)
        },
        Route("DELETE", "/v0/dedicated_endpoints/{id}", .administrators) { call throws(APIError) in
            try EndpointsHandler.remove(call)
        },
    ]
}
