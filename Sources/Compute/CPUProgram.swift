// CPUProgram.swift: the lowered operations and the scratch of each worker.
import Kernels

final class CPUProgram {
    private let operations: UnsafeMutableBufferPointer<operation>
    private let scratch: DeviceMemory
    private var record: program

    init(
        _ list: [operation], kernels: KernelTable, workers: Int, headSizeMax: Int
    ) throws(BackendError) {
        let scratchBytes = attention_scratch_bytes(Int32(headSizeMax))
        scratch = try DeviceMemory.allocate(scratchBytes * workers)
        operations = .allocate(capacity: list.count)
        _ = operations.initialize(from: list)
        record = program(
            kernels: kernels.pointer, count: Int32(list.count), operations: operations.baseAddress,
            scratch: scratch.base.assumingMemoryBound(to: UInt8.self), scratch_bytes: scratchBytes)
    }

    deinit { operations.deallocate() }

    func run(_ rows: inout StepRows, team: WorkerTeam) {
        program_run(&record, &rows, team.pointer)
    }
}
