// MachineMemoryTests.swift: what the kernel says about memory.
import Foundation
import Testing
@testable import tokenmill

struct MachineMemoryTests {
    @Test func `available memory is read in kilobytes`() {
        let text = "MemTotal:       100 kB\nMemAvailable:    40 kB\nBuffers: 1 kB\n"
        #expect(MachineMemory.available(inMeminfo: text) == 40 << 10)
    }

    @Test(arguments: ["", "MemAvailable:", "MemAvailable: x kB", "MemFree: 7 kB"])
    func `a file without it says nothing`(text: String) {
        #expect(MachineMemory.available(inMeminfo: text) == nil)
    }

    @Test func `this process has some memory`() throws {
        #expect(try #require(MachineMemory.residentBytes) > 0)
    }

    /// Files as the kernel shows them, by name, in a folder that is gone afterwards.
    private func groupBytes(_ files: [String: String]) throws -> Int? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "group-\(UUID())")
        let memory = folder.appending(path: "memory")
        try FileManager.default.createDirectory(at: memory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            try Data(text.utf8).write(to: folder.appending(path: name))
        }
        return MachineMemory.groupBytes(folder: folder.path + "/")
    }

    @Test func `a group's limit counts, of version 2 or 1, and dropped file pages are free`() throws {
        let second = [
            "memory.max": "1000\n", "memory.current": "700\n",
            "memory.stat": "anon 400\ninactive_file 300\n",
        ]
        #expect(try groupBytes(second) == 600)
        let first = [
            "memory/memory.limit_in_bytes": "1000\n", "memory/memory.usage_in_bytes": "900\n",
            "memory/memory.stat": "cache 9\ntotal_inactive_file 50\n",
        ]
        #expect(try groupBytes(first) == 150)
    }

    @Test func `a group without a limit says nothing`() throws {
        #expect(try groupBytes(["memory.max": "max\n", "memory.current": "7\n"]) == nil)
        let first = [
            "memory/memory.limit_in_bytes": "9223372036854771712\n",
            "memory/memory.usage_in_bytes": "900\n",
        ]
        #expect(try groupBytes(first) == nil)
        #expect(try groupBytes([:]) == nil)
    }
}
