// WeightStoreTests.swift: weights that a store has kept are those that packing makes, or are packed again.
import Core
import Foundation
import Testing

@testable import Compute

struct WeightStoreTests {
    private static let cols = 512

    /// All formats, small.
    private static func sources(seed: UInt64 = 1) -> [WeightSource] {
        RandomWeights.formats.map { RandomWeights.source($0, rows: 37, cols: cols, seed: seed + UInt64($0.rawValue)) }
    }

    /// Every row of every source, as tables and as matrices give them back.
    private static func load(_ sources: [WeightSource], from store: WeightStore) throws -> [[UInt32]] {
        let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: 2), store: store)
        var operations: [Compute.Operation] = [], outputs: [(BufferHandle, Int)] = []
        let rows = sources.map(\.rows).max() ?? 0
        for source in sources {
            for table in [try backend.makeTable(source), backend.makeTable(of: try backend.makeMatrix(source))] {
                let output = try backend.makeBuffer(width: source.cols, rows: rows, isContiguous: true)
                operations.append(.embed(table, scale: 1, into: output))
                outputs.append((output, rows * source.cols))
            }
        }
        try backend.compile(operations)
        backend.run((0..<Int32(rows)).map { $0 })
        return outputs.map { output, count in
            UnsafeBufferPointer(start: backend.contents(of: output), count: count).map(\.bitPattern)
        }
    }

    /// A folder that is gone afterwards, and a file in it.
    private func withFile(_ body: (String) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder.appending(path: "weights.packed").path)
    }

    private func keep(_ sources: [WeightSource], at path: String) throws -> [[UInt32]] {
        let store = WeightStore(path: path)
        let rows = try Self.load(sources, from: store)
        #expect(store.piecesMade == 2 * sources.count)
        try store.keep()
        return rows
    }

    @Test func `what was kept is used again, and has the same bits`() throws {
        try withFile { path in
            let first = try keep(Self.sources(), at: path)
            #expect(first == (try Self.load(Self.sources(), from: WeightStore())))
            let store = WeightStore(path: path)
            #expect(try Self.load(Self.sources(), from: store) == first)
            #expect(store.piecesMade == 0 && store.refusal == nil)
            let folder = URL(filePath: path).deletingLastPathComponent().path
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["weights.packed"])
        }
    }

    @Test func `weights that fill huge pages are used again, too`() throws {
        let sources = [RandomWeights.source(.q8_0, rows: 4096, cols: 4096, seed: 5)]
        try withFile { path in
            let store = WeightStore(path: path), again = WeightStore(path: path)
            func products(_ store: WeightStore) throws -> [Float] {
                let backend = CPUBackend(mode: .auto, team: try WorkerTeam(count: 2), store: store)
                let input = try backend.makeBuffer(width: 4096, rows: 1, isContiguous: false)
                let output = try backend.makeBuffer(width: 4096, rows: 1, isContiguous: true)
                let matrix = try backend.makeMatrix(sources[0])
                try backend.compile([
                    .embed(backend.makeTable(of: matrix), scale: 1, into: input),
                    .normalize(
                        input, kind: .rootMeanSquare, weight: nil, bias: nil, epsilon: 1e-5, into: input, rows: .all),
                    .multiply([Product(matrix, into: BufferSlice(output))], by: input, rows: .all),
                ])
                backend.run([7])
                return Array(UnsafeBufferPointer(start: backend.contents(of: output), count: 4096))
            }
            let first = try products(store)
            try store.keep()
            #expect(try products(again) == first)
            #expect(again.piecesMade == 0)
        }
    }

    @Test func `a matrix whose content, name or shape is another is packed, the others are not`() throws {
        try withFile { path in
            let sources = Self.sources()
            _ = try keep(sources, at: path)
            let old = sources[3], others = Self.sources(seed: 99)
            let bytes = old.bytes, half = old.format.bytes(of: Self.cols / 2)
            let changed = [
                others[3],
                WeightSource(
                    name: "other", format: old.format, rows: old.rows, cols: old.cols, bytes: bytes, owner: old.owner),
                WeightSource(
                    name: old.name, format: old.format, rows: old.rows * 2, cols: old.cols / 2,
                    bytes: UnsafeRawBufferPointer(rebasing: bytes[..<(2 * old.rows * half)]), owner: old.owner),
            ]
            for new in changed {
                var mixed = sources
                mixed[3] = new
                let store = WeightStore(path: path)
                #expect(try Self.load(mixed, from: store) == (try Self.load(mixed, from: WeightStore())))
                #expect(store.piecesMade == 2)
            }
        }
    }

    @Test func `what was kept in part is kept whole the next time`() throws {
        try withFile { path in
            _ = try keep(Array(Self.sources()[..<5]), at: path)
            let store = WeightStore(path: path)
            let rows = try Self.load(Self.sources(), from: store)
            #expect(store.piecesMade == 2 * Self.sources().count - 10)
            try store.keep()
            let whole = WeightStore(path: path)
            #expect(try Self.load(Self.sources(), from: whole) == rows)
            #expect(whole.piecesMade == 0)
        }
    }

    @Test func `no damage to header or directory passes`() throws {
        try withFile { path in
            let sources = Array(Self.sources()[..<3])
            let rows = try keep(sources, at: path)
            let good = try Data(contentsOf: URL(filePath: path))
            let end = PackedFile.directoryEnd(pieces: 2 * sources.count)
            for place in 0..<end {
                var bad = good
                bad[place] ^= UInt8(1 + place % 255)
                try FileManager.default.removeItem(atPath: path)
                try bad.write(to: URL(filePath: path))
                let store = WeightStore(path: path)
                #expect(try Self.load(sources, from: store) == rows)
                #expect(store.refusal != nil && store.piecesMade == 2 * sources.count, "byte \(place)")
            }
        }
    }

    @Test(arguments: [0, 1, 47, 48, 100, 4095, 4096, 5000])
    func `a file that was cut is refused`(length: Int) throws {
        try withFile { path in
            let sources = Array(Self.sources()[..<3])
            let rows = try keep(sources, at: path)
            #expect(truncate(path, length) == 0)
            let store = WeightStore(path: path)
            #expect(try Self.load(sources, from: store) == rows)
            #expect(store.refusal != nil)
            try store.keep()
            let mended = WeightStore(path: path)
            #expect(try Self.load(sources, from: mended) == rows)
            #expect(mended.piecesMade == 0)
        }
    }

    @Test func `a file that others may write, a link and a folder are refused`() throws {
        try withFile { path in
            let sources = Array(Self.sources()[..<1])
            let rows = try keep(sources, at: path)
            #expect(chmod(path, 0o620) == 0)
            let store = WeightStore(path: path)
            #expect(try Self.load(sources, from: store) == rows)
            #expect(store.refusal == .notOwn(mode: 0o100620, owner: geteuid()))
            #expect(chmod(path, 0o600) == 0)
            #expect(symlink(path, path + "-link") == 0)
            let link = WeightStore(path: path + "-link")
            #expect(try Self.load(sources, from: link) == rows)
            #expect(link.refusal == .system(operation: "open", code: ELOOP))
            #expect(mkdir(path + "-folder", 0o700) == 0)
            let folder = WeightStore(path: path + "-folder")
            #expect(try Self.load(sources, from: folder) == rows)
            #expect(folder.refusal == .notOwn(mode: 0o040700, owner: geteuid()))
            #expect(throws: PackedFileError.system(operation: "rename", code: EISDIR)) { try folder.keep() }
        }
    }

    @Test func `two processes do not write one file at a time, and one that ended leaves nothing`() throws {
        try withFile { path in
            let store = WeightStore(path: path)
            _ = try Self.load(Array(Self.sources()[..<1]), from: store)
            let part = path + PackedFileWriter.partSuffix, folder = URL(filePath: path).deletingLastPathComponent()
            let other = open(part, O_WRONLY | O_CREAT, 0o600)
            #expect(flock(other, LOCK_EX) == 0)
            #expect(throws: PackedFileError.beingWritten) { try store.keep() }
            WeightStore.removeAbandoned(in: folder.path)
            #expect(access(part, F_OK) == 0)
            close(other)
            WeightStore.removeAbandoned(in: folder.path)
            #expect(access(part, F_OK) != 0)
            try store.keep()
        }
    }

    @Test func `a folder that is not there is named by the system's error`() throws {
        let store = WeightStore(path: "/nowhere/at/all.packed")
        _ = try Self.load(Array(Self.sources()[..<1]), from: store)
        #expect(store.refusal == nil)
        #expect(throws: PackedFileError.system(operation: "create", code: ENOENT)) { try store.keep() }
    }
}
