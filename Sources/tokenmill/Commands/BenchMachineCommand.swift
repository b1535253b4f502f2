// BenchMachineCommand.swift: `tokenmill bench machine`: the limits that figures are held against.
import ArgumentParser
import Compute
import Foundation
import JSON

struct BenchMachineCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "machine", abstract: "Measure memory bandwidth and arithmetic peaks.",
        discussion: """
            Each figure is the best of many short tries, since other programs can only take from
            a limit. A multiply-add is two operations. Memory is read in pieces of 32 to 512 MB, of
            which caches may hold some.

              tokenmill bench machine --threads 1,2
            """)

    @Option(help: "Numbers of threads. Default: 1, and one per core.")
    var threads: BenchNumbers?

    @Option(help: "Kernels whose instructions are used: portable, avx2, avx512 or avx512bf16. Default: the best.")
    var kernels: String?

    @Option(help: "Seconds for each figure; those of reading share them.")
    var seconds = 0.5

    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func validate() throws {
        guard (0.01...60).contains(seconds) else { throw ValidationError("--seconds is 0.01 to 60.") }
        guard threads?.values.allSatisfy({ $0 <= WorkerTeam.countMax }) ?? true else {
            throw ValidationError("--threads has a limit of \(WorkerTeam.countMax).")
        }
        if let kernels, KernelTable.named(kernels) == nil {
            let names = KernelTable.supported.map(\.name).joined(separator: ", ")
            throw ValidationError("--kernels is one of \(names) on this machine.")
        }
    }

    mutating func run() throws {
        let cores = min(ProcessInfo.processInfo.activeProcessorCount, WorkerTeam.countMax)
        let counts = threads?.values ?? Array(Set([1, cores])).sorted()
        var limits: [MachineLimits] = []
        for count in counts {
            limits.append(
                try MachineLimits.measure(
                    kernels: kernels ?? KernelTable.best.name, threads: count, seconds: seconds))
        }
        guard json else { return Output.standard(MachineLimits.text(limits)) }
        BenchCommand.print(["machine": .array(limits.map(\.json))])
    }
}
