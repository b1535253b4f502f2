// WeightStore.swift: where packed pieces lie: in a file that an earlier start kept, or in memory that
// this one fills, and then may keep in that file.
import Foundation

public final class WeightStore: @unchecked Sendable {
    // One thread loads; only when it is done may another keep. Pieces never change once they are made.
    /// The file that is read and written; nil for none.
    public let path: String?
    private var file: PackedFile?
    private let arena = DeviceArena()
    private var pieces: [PackedFile.Piece] = []

    /// Why the file that is there was not used.
    public private(set) var refusal: PackedFileError?
    /// Pieces that were not in the file.
    public private(set) var piecesMade = 0

    /// - path: the file; nil keeps nothing. It is opened when the backend is made.
    public init(path: String? = nil) { self.path = path }

    public var bytes: Int { pieces.reduce(0) { $0 + $1.bytes } }

    /// Replaces the file by what was loaded. Call it after loading, from any thread.
    public func keep() throws(PackedFileError) {
        guard let path else { return }
        try PackedFileWriter.write(pieces, to: path)
    }

    /// Removes what processes that ended while they kept weights have left in a folder.
    public static func removeAbandoned(in folder: String) {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            if name.hasSuffix(PackedFileWriter.partSuffix) { PackedFileWriter.removeAbandoned(folder + "/" + name) }
        }
    }

    func open(_ team: WorkerTeam) {
        guard let path else { return }
        do throws(PackedFileError) {
            file = try PackedFile(path: path, team: team)
        } catch .system(operation: "open", code: ENOENT) {
            return
        } catch {
            refusal = error
        }
    }

    /// A piece, from the file or as `fill` makes it. `fill` answers the output scale.
    func piece(
        _ key: PieceKey, bytes: Int, team: WorkerTeam, fill: (UnsafeMutableRawPointer) -> Float
    ) throws(BackendError) -> PackedFile.Piece {
        var piece: PackedFile.Piece
        if let kept = file?.piece(key), kept.bytes == bytes {
            piece = kept
            if file?.isInHugePages == false {
                piece = PackedFile.Piece(
                    key: key, base: try arena.allocate(bytes), bytes: bytes, outputScale: kept.outputScale)
                Self.copy(kept, to: piece, team)
            }
        } else {
            let base = try arena.allocate(bytes)
            piece = PackedFile.Piece(key: key, base: base, bytes: bytes, outputScale: fill(base))
            piecesMade += 1
        }
        pieces.append(piece)
        return piece
    }

    /// Says that no piece is asked for any more: a file that was copied from would only take memory.
    func close() { if file?.isInHugePages == false { file = nil } }

    private static func copy(_ source: PackedFile.Piece, to target: PackedFile.Piece, _ team: WorkerTeam) {
        let partBytes = 1 << 20
        team.forEach((source.bytes + partBytes - 1) / partBytes) { part in
            let start = part * partBytes
            (target.base + start).copyMemory(
                from: source.base + start, byteCount: min(partBytes, source.bytes - start))
        }
    }
}
