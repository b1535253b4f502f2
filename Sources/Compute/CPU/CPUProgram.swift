// CPUProgram.swift: the lowered operations, the scratch of each worker, and where workers that share
// a head's attention leave their parts.
import Kernels

final class CPUProgram {
    private let operations: UnsafeMutableBufferPointer<operation>
    private let scratch: DeviceMemory
    private let partials: DeviceMemory
    /// What has been measured about sharing out rows.
    let sharing: UnsafeMutablePointer<step_sharing>
    private var record: program

    init(
        _ list: [operation], kernels: KernelTable, workers: Int, ownRowsBytes: Int,
        attentions: [AttentionDescription], positions: Int
    ) throws(BackendError) {
        let headSizeMax = attentions.map(\.headSize).max() ?? 8
        // Attention is shared out by spans only while heads are too few to keep the workers busy.
        let heads = workers * HEADS_PER_WORKER
        let spans = positions / attention_span_tokens + 1
        let share = attentions.map { $0.heads / $0.kvHeads }.max() ?? 1
        let perHead = spans * share * Int(attention_partial_floats(Int32(headSizeMax)))
        partials = try DeviceMemory.allocate(heads * perHead * MemoryLayout<Float>.size)
        let scratchBytes = max(
            attention_scratch_bytes(Int32(headSizeMax)), ownRowsBytes, Int(PRODUCT_SCRATCH_BYTES))
        scratch = try DeviceMemory.allocate(scratchBytes * workers)
        sharing = .allocate(capacity: 1)
        sharing.initialize(to: step_sharing())
        operations = .allocate(capacity: list.count)
        _ = operations.initialize(from: list)
        record = program(
            kernels: kernels.pointer, count: Int32(list.count), operations: operations.baseAddress,
            scratch: scratch.base.assumingMemoryBound(to: UInt8.self), scratch_bytes: scratchBytes,
            partials: partials.base.assumingMemoryBound(to: Float.self), partials_heads: heads,
            partials_per_head: perHead, sharing: sharing)
    }

    deinit {
        operations.deallocate()
        sharing.deallocate()
    }

    func run(_ rows: inout StepRows, team: WorkerTeam) {
        program_run(&record, &rows, team.pointer)
    }
}
