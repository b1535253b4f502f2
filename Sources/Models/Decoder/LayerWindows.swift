// LayerWindows.swift: which layers of a checkpoint see only a window of positions, and of what size.
import Checkpoints
import JSON

enum LayerWindows {
    /// Per layer, the positions seen; nil sees all.
    static func read(
        _ family: DecoderFamily, _ facts: ModelFacts, layers: Int
    ) throws(ModelError) -> [Int?] {
        let none = [Int?](repeating: nil, count: layers)
        if family.windows == .none { return none }
        if family.windows == .fromLayerStated, facts.flag("use_sliding_window") != true { return none }
        let stated = try facts.integer("sliding_window", gguf: "attention.sliding_window") ?? family.windowDefault
        guard let window = stated else { return none }
        guard (1...DecoderLimits.contextMax).contains(window) else {
            throw .settingInvalid(key: "sliding_window", value: "\(window)", expected: "a positive number")
        }
        if let listed = try listed(facts, layers: layers) { return listed.map { $0 ? window : nil } }
        switch family.windows {
        case .none: return none
        case .every: return Array(repeating: window, count: layers)
        case .fromLayerStated:
            let first = try facts.jsonInteger("max_window_layers") ?? layers
            return (0..<layers).map { $0 >= first ? window : nil }
        case .allButEvery(let usual):
            let period = try facts.integer(
                "sliding_window_pattern", gguf: "attention.sliding_window_pattern") ?? usual
            guard period > 0 else {
                throw .settingInvalid(
                    key: "sliding_window_pattern", value: "\(period)", expected: "a positive number")
            }
            return (0..<layers).map { ($0 + 1) % period == 0 ? nil : window }
        }
    }

    /// Whether each layer has a window, where the checkpoint lists them one by one.
    private static func listed(_ facts: ModelFacts, layers: Int) throws(ModelError) -> [Bool]? {
        let key = "attention.sliding_window_pattern"
        if let array = facts.gguf(key)?.arrayValue {
            let flags = array.booleans ?? array.integers?.map { $0 != 0 } ?? []
            // A list may go on after the layers of a shortened model.
            guard flags.count >= layers else {
                throw .settingInvalid(key: key, value: "\(array.count) entries", expected: "\(layers) flags")
            }
            return Array(flags.prefix(layers))
        }
        guard let types = facts.json("layer_types") else { return nil }
        let names = types.arrayValue?.compactMap(\.stringValue) ?? []
        guard names.count == layers, names.allSatisfy({ RotatedLayers(rawValue: $0) != nil }) else {
            throw .settingInvalid(
                key: "layer_types", value: "\(names.count) names",
                expected: "\(layers) of full_attention and sliding_attention")
        }
        return names.map { $0 == RotatedLayers.windowed.rawValue }
    }
}
