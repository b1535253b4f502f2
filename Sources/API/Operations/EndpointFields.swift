// EndpointFields.swift: the changeable parts of an endpoint, read from a request; what is left out stays.
import JSON
import Scheduling
import Service

struct EndpointFields {
    var limits = EndpointLimits()
    var scaling = ScalingPolicy()
    var placement = JSONObject()
    var replicas = 1

    /// Facts for whoever places replicas; kept and shown, without meaning here.
    static let placementNames = ["description", "flavor_name", "gpu_type", "gpu_count", "region"]
    private static let placementBytesMax = 1024

    init(limits: EndpointLimits) { self.limits = limits }

    init(_ endpoint: Endpoint) {
        limits = endpoint.limits
        scaling = endpoint.scaling
        placement = endpoint.placement
        replicas = endpoint.replicas
    }

    /// `model`, or `model_name`.
    static func model(_ fields: inout RequestFields, _ service: Service) throws(APIError) -> ServedModel? {
        let first = try fields.string("model", bytesMax: 1024)
        let second = try fields.string("model_name", bytesMax: 1024)
        guard let name = first ?? second else { return nil }
        guard let model = service.model(named: name) else { throw APIError(EndpointError.modelUnknown(name)) }
        return model
    }

    mutating func read(_ fields: inout RequestFields) throws(APIError) {
        if let object = try fields.object("scaling") { try readScaling(object) }
        if let object = try fields.object("limits") { try readLimits(object) }
        replicas = try fields.integer("replicas", in: 0...ScalingPolicy.replicasLimit) ?? replicas
        for name in Self.placementNames {
            guard let value = fields.value(name) else { continue }
            switch value {
            case .string(let text) where text.utf8.count <= Self.placementBytesMax: placement[name] = value
            case .integer: placement[name] = value
            default: throw .wrongType(name, expected: "a short string or an integer", got: value)
            }
        }
    }

    private mutating func readScaling(_ object: JSONObject) throws(APIError) {
        var fields = RequestFields(object, path: "scaling.")
        let replicas = 0...ScalingPolicy.replicasLimit
        scaling.replicasMin = try fields.integer("min_replicas", in: replicas) ?? scaling.replicasMin
        scaling.replicasMax = try fields.integer("max_replicas", in: replicas) ?? scaling.replicasMax
        // Someone who only asks for more at least does not want less at most.
        if object["max_replicas"] == nil { scaling.replicasMax = max(scaling.replicasMax, scaling.replicasMin) }
        let seconds = 0.0...ScalingPolicy.windowSecondsLimit
        if let value = try fields.number("scale_up_window_seconds", in: seconds) {
            scaling.scaleUpWindowSeconds = value
        }
        if let value = try fields.number("scale_down_window_seconds", in: seconds) {
            scaling.scaleDownWindowSeconds = value
        }
        if let value = try fields.number("scale_to_zero_window_seconds", in: seconds) {
            scaling.scaleToZeroWindowSeconds = value
        }
        if let value = try fields.number("tolerance", in: 0...1) { scaling.tolerance = value }
        if let targets = try fields.object("load_targets") { try readTargets(targets) }
        try fields.refuseUnread()
    }

    private mutating func readTargets(_ object: JSONObject) throws(APIError) {
        var targets: [ScalingSignal: Double] = [:]
        for (name, value) in object {
            let field = "scaling.load_targets.\(name)"
            guard let signal = ScalingSignal(rawValue: name) else {
                let names = ScalingSignal.allCases.map(\.rawValue).joined(separator: ", ")
                throw .invalid(field, "'\(name.prefix(64))' is no load signal; there are \(names).")
            }
            guard let target = value.doubleValue else { throw .wrongType(field, expected: "a number", got: value) }
            targets[signal] = target
        }
        scaling.targets = targets
    }

    private mutating func readLimits(_ object: JSONObject) throws(APIError) {
        var fields = RequestFields(object, path: "limits.")
        let counts = 1...(1 << 30)
        limits.concurrentMax = try fields.integer("concurrent_max", in: counts) ?? limits.concurrentMax
        limits.waitingMax = try fields.integer("waiting_max", in: counts) ?? limits.waitingMax
        limits.choicesMax = try fields.integer("choices_max", in: counts) ?? limits.choicesMax
        limits.promptTokensMax = try fields.integer("prompt_tokens_max", in: counts) ?? limits.promptTokensMax
        limits.outputTokensMax = try fields.integer("output_tokens_max", in: counts) ?? limits.outputTokensMax
        let seconds = 0.001...86_400
        if let value = try fields.number("request_seconds_max", in: seconds) {
            limits.requestSecondsMax = value
        }
        if let value = try fields.number("queue_seconds_max", in: seconds) {
            limits.queueSecondsMax = value
        }
        try fields.refuseUnread()
    }
}
