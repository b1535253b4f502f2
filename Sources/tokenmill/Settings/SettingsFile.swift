// SettingsFile.swift: YAML to settings, strictly: whatever is not understood is an error with its
// line and column, because a misspelt limit that is silently ignored is found out in production.
import Foundation
import Scheduling
import Service
import Yams

struct SettingsFile {
    static let bytesMax = 1 << 20

    /// Keys that hold lists of mappings, which tables do not describe.
    static let lists = ["endpoints", "api_keys"]

    /// What to call the file in errors.
    let name: String

    /// Reads a file over `settings`.
    static func read(_ path: String, into settings: inout Settings) throws(SettingsError) {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            let exists = FileManager.default.fileExists(atPath: path)
            throw .unreadable(path: path, problem: exists ? "no permission" : "no such file")
        }
        guard data.count <= bytesMax else {
            throw .unreadable(path: path, problem: "\(data.count) bytes, limit \(bytesMax)")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw .unreadable(path: path, problem: "not UTF-8")
        }
        try SettingsFile(name: path).apply(text, to: &settings)
    }

    /// Reads YAML text over `settings`.
    func apply(_ text: String, to settings: inout Settings) throws(SettingsError) {
        let document: Node?
        do {
            let parser = try Yams.Parser(yaml: text)
            document = try parser.nextRoot()
            guard try document == nil || parser.nextRoot() == nil else {
                throw SettingsError.notYAML(place: name, problem: "more than one document")
            }
        } catch let error as SettingsError {
            throw error
        } catch let error as YamlError {
            throw notYAML(error)
        } catch {
            throw .notYAML(place: name, problem: "\(error)")
        }
        guard let root = document, root.isMeaningful else { return }
        try walk(root, "", .server, &settings) { (key, node, settings) throws(SettingsError) in
            switch key {
            case "endpoints": settings.endpoints = try endpoints(node)
            case "api_keys": settings.apiKeys = try keys(node)
            default: return false
            }
            return true
        }
    }

    /// Visits a mapping; `special` takes the keys that no table can.
    private func walk<Root>(
        _ node: Node, _ prefix: String, _ table: SettingsTable<Root>, _ root: inout Root,
        special: (String, Node, inout Root) throws(SettingsError) -> Bool
    ) throws(SettingsError) {
        guard case .mapping(let mapping) = node else {
            throw .wrongType(
                place: place(node), key: prefix.isEmpty ? "the file" : prefix, found: found(node),
                expected: "a mapping of keys to values")
        }
        for (keyNode, value) in mapping {
            let key = prefix.isEmpty ? keyNode.string ?? "?" : "\(prefix).\(keyNode.string ?? "?")"
            if try special(key, value, &root) { continue }
            if table.isGroup(key) {
                try walk(value, key, table, &root, special: special)
            } else if table[key] != nil {
                try table.assign(key, try input(value, key), place: place(value), to: &root)
            } else {
                throw .unknownKey(
                    place: place(keyNode), key: key,
                    nearest: table.nearest(to: key, among: prefix.isEmpty ? Self.lists : []))
            }
        }
    }

    private func endpoints(_ node: Node) throws(SettingsError) -> [EndpointSettings] {
        var endpoints: [EndpointSettings] = []
        for item in try items(node, "endpoints", most: EndpointSettings.endpointsMax) {
            var endpoint = EndpointSettings()
            // Whoever names targets means those and no others.
            if case .mapping(let mapping) = item, mapping["scaling"]?["load_targets"] != nil {
                endpoint.scaling.targets = [:]
            }
            if case .mapping(let mapping) = item, let model = mapping["model"] {
                endpoint.modelPlace = place(model)
            }
            try walk(item, "", .endpoint, &endpoint) { _, _, _ in false }
            try checkName(endpoint.name, at: item, among: endpoints.map(\.name))
            do throws(ScalingPolicyError) {
                try endpoint.scaling.validate()
            } catch {
                throw .contradiction("\(place(item)): endpoint '\(endpoint.name)': \(error)")
            }
            endpoints.append(endpoint)
        }
        return endpoints
    }

    private func keys(_ node: Node) throws(SettingsError) -> [APIKey] {
        var keys: [APIKey] = []
        for item in try items(node, "api_keys", most: KeyRing.keysMax) {
            var key = APIKey(name: "", secret: "")
            try walk(item, "", .apiKey, &key) { _, _, _ in false }
            try checkName(key.name, at: item, among: keys.map(\.name))
            guard !key.secret.isEmpty else {
                throw .contradiction("\(place(item)): key '\(key.name)' has no secret")
            }
            keys.append(key)
        }
        return keys
    }

    private func items(
        _ node: Node, _ key: String, most: Int
    ) throws(SettingsError) -> Node.Sequence {
        guard case .sequence(let sequence) = node, sequence.count <= most else {
            throw .wrongType(
                place: place(node), key: key, found: found(node),
                expected: "a list of at most \(most)")
        }
        return sequence
    }

    private func checkName(
        _ name: String, at node: Node, among others: [String]
    ) throws(SettingsError) {
        guard !name.isEmpty else {
            throw .wrongType(
                place: place(node), key: "name", found: "missing", expected: "a name")
        }
        guard !others.contains(name) else {
            throw .contradiction("\(place(node)): the name '\(name)' is taken by another entry")
        }
    }

    private func input(_ node: Node, _ key: String) throws(SettingsError) -> SettingInput {
        switch node {
        case .scalar(let scalar): return .scalar(scalar.string, kind(node))
        case .sequence(let sequence):
            var texts: [String] = []
            for item in sequence {
                guard case .scalar(let scalar) = item, kind(item) == .text else {
                    throw .wrongType(
                        place: place(item), key: key, found: found(item), expected: "text")
                }
                texts.append(scalar.string)
            }
            return .list(texts)
        case .mapping, .alias:
            throw .wrongType(
                place: place(node), key: key, found: found(node), expected: "a single value")
        }
    }

    private func kind(_ node: Node) -> SettingInput.Kind {
        switch node.tag.description {
        case Tag.Name.int.rawValue: .integer
        case Tag.Name.float.rawValue: .number
        case Tag.Name.bool.rawValue: .boolean
        case Tag.Name.null.rawValue: .null
        default: .text
        }
    }

    private func found(_ node: Node) -> String {
        switch node {
        case .scalar(let scalar): SettingInput.scalar(scalar.string, kind(node)).found
        case .sequence(let sequence): "a list of \(sequence.count)"
        case .mapping: "a mapping"
        case .alias: "an alias"
        }
    }

    private func place(_ node: Node) -> String {
        node.mark.map { "\(name):\($0.line):\($0.column)" } ?? name
    }

    private func notYAML(_ error: YamlError) -> SettingsError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            .notYAML(place: "\(name):\(mark.line):\(mark.column)", problem: problem)
        case .duplicatedKeysInMapping(let keys, let context):
            .notYAML(
                place: "\(name):\(context.mark.line):\(context.mark.column)",
                problem: "key given twice: " + keys.joined(separator: ", "))
        case .reader(let problem, _, _, _): .notYAML(place: name, problem: problem)
        default: .notYAML(place: name, problem: "\(error)")
        }
    }
}

extension Node {
    /// An empty file composes to nothing, or to one empty scalar.
    fileprivate var isMeaningful: Bool {
        if case .scalar(let scalar) = self { return !scalar.string.isEmpty }
        return true
    }
}
