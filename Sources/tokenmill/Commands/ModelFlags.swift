// ModelFlags.swift: the flags of every command that runs a model, and the settings they make.
import ArgumentParser
import Compute
import Foundation

extension ComputeMode: ExpressibleByArgument {}

struct ModelFlags: ParsableArguments {
    @Option(help: "The model: a .gguf file, the first shard of one, or a Hugging Face directory.")
    var model: String?

    @Option(
        help: ArgumentHelp(
            "auto takes what this machine does best; float32 computes everything in float32, "
                + "slowly, for checking against references."))
    var compute: ComputeMode?

    @Option(help: "Worker threads. Default: one per core.")
    var threads: Int?

    @Option(help: "Kernels: portable, avx2, avx512 or avx512bf16. Default: the best that the machine runs.")
    var kernels: String?

    @Option(help: "A settings file in YAML. Config/tokenmill.yaml documents every setting.")
    var config: String?

    @Option(
        name: .customLong("set"),
        help: ArgumentHelp(
            "Any setting as key=value, such as engine.sequences_max=16. May be repeated.",
            valueName: "key=value"))
    var assignments: [String] = []

    /// Defaults, file, variables, these flags and then `more`; the model must be named somewhere.
    func settings(
        _ more: [(flag: String, key: String, text: String)] = []
    ) throws -> (settings: Settings, unknownVariables: [String]) {
        var overrides: [(flag: String, key: String, text: String)] = []
        for assignment in assignments {
            let parts = assignment.split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw ValidationError("--set takes key=value, and '\(assignment)' has no '='.")
            }
            overrides.append(("--set", String(parts[0]), String(parts[1])))
        }
        if let model { overrides.append(("--model", "model.path", model)) }
        if let compute { overrides.append(("--compute", "model.compute", compute.rawValue)) }
        if let threads { overrides.append(("--threads", "model.threads", String(threads))) }
        if let kernels { overrides.append(("--kernels", "model.kernels", kernels)) }
        let environment = ProcessInfo.processInfo.environment
        do throws(SettingsError) {
            let read = try SettingsReader.read(
                file: config, environment: environment, overrides: overrides + more)
            guard !read.settings.model.path.isEmpty else {
                throw .contradiction("no model is named: give --model PATH, or set model.path")
            }
            return read
        } catch {
            throw CommandFailure(error)
        }
    }
}
