// PackedFolder.swift: the folder of packed weights: where it is, what its files are called, what goes first.
// A file's name says what it was made from, so another version of a model is another file.
import Checkpoints
import Compute
import Foundation

/// Why packed weights were not kept.
enum PackedFolderError: Error, Equatable {
    case folderTooSmall(bytes: Int, limit: Int)
    /// Of the disk's free bytes half are left to others.
    case diskTooFull(bytes: Int, free: Int)
    case file(PackedFileError)
}

struct PackedFolder: Sendable {
    static let off = "off"
    private static let suffix = ".packed"

    let path: String
    let bytesMax: Int

    /// `nil` where nothing is to be kept, or no folder is named and none is known.
    init?(_ settings: Settings.Model, environment: [String: String] = ProcessInfo.processInfo.environment) {
        bytesMax = settings.packedBytesMax
        // What is computed in float32 is compared with references, not served.
        guard settings.packedFolder != Self.off, settings.compute == .auto else { return nil }
        if !settings.packedFolder.isEmpty {
            path = settings.packedFolder
        } else if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") {
            path = cache + "/tokenmill"
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            path = home + "/.cache/tokenmill"
        } else {
            return nil
        }
    }

    /// The file of a checkpoint as it is now.
    func file(of checkpoint: Checkpoint, name: String) -> String {
        var hash = StableHash()
        for mapping in checkpoint.mappings {
            hash.absorb(URL(fileURLWithPath: mapping.path).lastPathComponent)
            for number in [mapping.bytes.count, mapping.modifiedSeconds, mapping.modifiedNanoseconds] {
                hash.absorb(UInt64(bitPattern: Int64(number)))
            }
        }
        let letters = name.map { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) ? $0 : "_" }
        let digits = String(hash.value, radix: 16)
        return "\(path)/\(String(letters.prefix(80)))-\(digits)\(Self.suffix)"
    }

    /// Keeps what was loaded, and drops what was used longest ago where the folder grows too large.
    func keep(_ store: WeightStore) throws(PackedFolderError) {
        let bytes = store.bytes
        guard bytes <= bytesMax else { throw .folderTooSmall(bytes: bytes, limit: bytesMax) }
        guard Self.make(path) else { throw .file(.system(operation: "create", code: errno)) }
        WeightStore.removeAbandoned(in: path)
        makeRoom(for: bytes, replacing: store.path)
        let free = Self.freeBytes(path)
        guard bytes <= free / 2 else { throw .diskTooFull(bytes: bytes, free: free) }
        do throws(PackedFileError) { try store.keep() } catch { throw .file(error) }
    }

    /// Makes the folder and those above it, for this user alone.
    private static func make(_ path: String) -> Bool {
        if mkdir(path, 0o700) == 0 || errno == EEXIST { return true }
        guard errno == ENOENT, path != "/", !path.isEmpty else { return false }
        return make(URL(fileURLWithPath: path).deletingLastPathComponent().path) && mkdir(path, 0o700) == 0
    }

    private func makeRoom(for bytes: Int, replacing file: String?) {
        var files = kept().filter { $0.path != file }
        var used = files.reduce(bytes) { $0 + $1.bytes }
        files.sort { $0.used > $1.used }
        while used > bytesMax, let oldest = files.popLast() {
            unlink(oldest.path)
            used -= oldest.bytes
        }
    }

    private func kept() -> [(path: String, bytes: Int, used: Double)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(Self.suffix) }.compactMap { name in
            let file = path + "/" + name
            var status = stat()
            guard lstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
            let used = Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
            return (file, Int(status.st_size), used)
        }
    }

    private static func freeBytes(_ path: String) -> Int {
        var status = statvfs()
        guard statvfs(path, &status) == 0 else { return 0 }
        return Int(status.f_bavail) * Int(status.f_frsize)
    }
}
