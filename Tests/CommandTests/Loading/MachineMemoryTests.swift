// MachineMemoryTests.swift: what the kernel says about memory.
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
}
