// MachineMemory.swift: how much memory this process may still take: the machine's, or its group's.
import Foundation

enum MachineMemory {
    /// Bytes that can be had without swapping; the smaller of what the kernel calls available and
    /// what the control group leaves. `nil` where neither can be read.
    static var availableBytes: Int? {
        let machine = (try? String(contentsOfFile: "/proc/meminfo", encoding: .utf8))
            .flatMap(available(inMeminfo:))
        let group = groupBytes()
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

    /// What the control group leaves, by either version of control groups; file pages that the kernel
    /// can drop at once do not count as used. `nil` where there is no limit.
    static func groupBytes(folder: String = "/sys/fs/cgroup/") -> Int? {
        available(
            limit: folder + "memory.max", used: folder + "memory.current",
            statistics: folder + "memory.stat", reclaimable: "inactive_file")
            ?? available(
                limit: folder + "memory/memory.limit_in_bytes",
                used: folder + "memory/memory.usage_in_bytes",
                statistics: folder + "memory/memory.stat", reclaimable: "total_inactive_file")
    }

    /// Limits from here on are version 1's way to say that there is none.
    private static let limitMax = 1 << 60

    private static func available(
        limit: String, used: String, statistics: String, reclaimable: String
    ) -> Int? {
        guard let limit = text(of: limit).flatMap({ Int($0) }), limit < limitMax,
            let used = text(of: used).flatMap({ Int($0) })
        else { return nil }
        let idle = text(of: statistics).flatMap { number(reclaimable, in: $0) }
        return max(0, limit - max(0, used - (idle ?? 0)))
    }

    /// The number of a line `label number`.
    private static func number(_ label: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") {
            let fields = line.split(separator: " ")
            if fields.count == 2, fields[0] == label { return Int(fields[1]) }
        }
        return nil
    }

    private static func text(of path: String) -> String? {
        (try? String(contentsOfFile: path, encoding: .utf8))?
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private static func kilobytes(_ label: String, in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix(label) {
            let fields = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            return fields.count >= 2 ? Int(fields[1]).map { $0 << 10 } : nil
        }
        return nil
    }
}
