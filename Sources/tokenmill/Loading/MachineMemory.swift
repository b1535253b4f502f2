// MachineMemory.swift: how much memory this process may still take: the machine's, or its group's.
import Foundation

enum MachineMemory {
    /// Bytes that can be had without swapping; the smaller of what the kernel calls available and
    /// what the control group leaves. `nil` where neither can be read.
    static var availableBytes: Int? {
        let machine = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))
            .flatMap(available(inMeminfo:))
        let group = groupBytes
        guard let machine else { return group }
        return min(machine, group ?? machine)
    }

    /// Resident bytes of this process.
    static var residentBytes: Int? {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
            return nil
        }
        return kilobytes("VmRSS:", in: text)
    }

    static func available(inMeminfo text: String) -> Int? { kilobytes("MemAvailable:", in: text) }

    private static var groupBytes: Int? {
        let folder = "/sys/fs/cgroup/"
        guard
            let limit = (try? String(contentsOfFile: folder + "memory.max", encoding: .utf8))
                .flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) }),
            let used = (try? String(contentsOfFile: folder + "memory.current", encoding: .utf8))
                .flatMap({ Int($0.trimmingCharacters(in: .whitespacesAndNewlines)) })
        else { return nil }
        return max(0, limit - used)
    }

    private static func kilobytes(_ label: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(label) {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            return fields.count >= 2 ? Int(fields[1]).map { $0 << 10 } : nil
        }
        return nil
    }
}
