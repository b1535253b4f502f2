// EndpointWriter.swift: endpoints and scaling hints as JSON.
import JSON
import Scheduling
import Service

enum EndpointWriter {
    /// - load, hint: `nil` if the endpoint's model is not loaded.
    static func write(
        _ endpoint: Endpoint, load: EndpointLoad?, hint: ScalingHint?, to writer: inout JSONWriter
    ) {
        var object: JSONObject = [
            "id": .string(endpoint.id), "object": "dedicated_endpoint", "name": .string(endpoint.name),
            "model": .string(endpoint.model), "model_name": .string(endpoint.model),
            "routing_key": .string(endpoint.routingKey), "created": .integer(endpoint.createdAt),
            "status": load == nil ? "loading" : "ready", "replicas": .integer(endpoint.replicas),
            "desired_replicas": hint.map { .integer($0.desiredReplicas) } ?? .null,
            "reason": hint.map { .string($0.reason) } ?? .null,
            "scaling": scaling(endpoint.scaling), "limits": limits(endpoint.limits),
        ]
        for (name, value) in endpoint.placement { object[name] = value }
        if let load { object["load"] = self.load(load) }
        writer.value(.object(object))
    }

    static func write(
        _ hint: ScalingHint, of endpoint: Endpoint, load: EndpointLoad, to writer: inout JSONWriter
    ) {
        let signals: [JSONValue] = hint.pressures.map { pressure in
            [
                "signal": .string(pressure.signal.rawValue), "load": .double(pressure.load),
                "target": .double(pressure.target), "pressure": .double(pressure.value),
                "replicas": .integer(pressure.replicas),
            ]
        }
        writer.value([
            "endpoint_id": .string(endpoint.id), "object": "dedicated_endpoint.autoscaling",
            "name": .string(endpoint.name), "current_replicas": .integer(hint.currentReplicas),
            "desired_replicas": .integer(hint.desiredReplicas), "reason": .string(hint.reason),
            "binding_signal": hint.binding.map { .string($0.rawValue) } ?? .null,
            "signals": .array(signals), "load": self.load(load), "scaling": scaling(endpoint.scaling),
        ])
    }

    private static func scaling(_ policy: ScalingPolicy) -> JSONValue {
        var targets = JSONObject()
        for signal in ScalingSignal.allCases {
            if let target = policy.targets[signal] { targets[signal.rawValue] = .double(target) }
        }
        return [
            "min_replicas": .integer(policy.replicasMin), "max_replicas": .integer(policy.replicasMax),
            "load_targets": .object(targets), "scale_up_window_seconds": .double(policy.scaleUpWindowSeconds),
            "scale_down_window_seconds": .double(policy.scaleDownWindowSeconds),
            "scale_to_zero_window_seconds": .double(policy.scaleToZeroWindowSeconds),
            "tolerance": .double(policy.tolerance),
        ]
    }

    private static func limits(_ limits: EndpointLimits) -> JSONValue {
        [
            "concurrent_max": .integer(limits.concurrentMax), "waiting_max": .integer(limits.waitingMax),
            "request_seconds_max": .double(limits.requestSecondsMax),
            "queue_seconds_max": .double(limits.queueSecondsMax), "choices_max": .integer(limits.choicesMax),
            "prompt_tokens_max": limits.promptTokensMax.map { .integer($0) } ?? .null,
            "output_tokens_max": limits.outputTokensMax.map { .integer($0) } ?? .null,
        ]
    }

    private static func load(_ load: EndpointLoad) -> JSONValue {
        [
            "running": .integer(load.running), "waiting": .integer(load.waiting),
            "kv_cache_usage": .double(load.cacheUsage), "requests_per_second": .double(load.requestsPerSecond),
            "prompt_tokens_per_second": .double(load.promptTokensPerSecond),
            "tokens_generated_per_second": .double(load.generatedTokensPerSecond),
        ]
    }
}
