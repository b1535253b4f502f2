// CheckpointLimits.swift: the bounds that every checkpoint is read under.
// Each is far above what published models need and far below what would hurt the machine. Counts
// are checked against the bytes that are left in the file too, before anything is allocated.

public enum CheckpointLimits {
    /// Metadata keys of one GGUF file. Published files have below 100.
    public static let keysMax = 1 << 16
    /// Tensors of one file.
    public static let tensorsMax = 1 << 20
    /// Bytes of one key or tensor name.
    public static let nameBytesMax = 1 << 16
    /// Dimensions of one tensor.
    public static let dimensionsMax = 8
    /// GGUF arrays inside arrays.
    public static let arrayDepthMax = 8
    /// Bytes of all strings in one GGUF array.
    public static let stringArrayBytesMax = 1 << 30
    /// Largest `general.alignment`.
    public static let alignmentMax = 1 << 20
    /// Files of one sharded model.
    public static let shardsMax = 1 << 10
    /// Bytes of a safetensors header; the format's own limit.
    public static let safetensorsHeaderBytesMax = 100_000_000
    /// Bytes of one JSON or template file of a Hugging Face directory.
    public static let sideFileBytesMax = 128 << 20
}
