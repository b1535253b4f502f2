// DescriptorLimitTests.swift: connections never promise more descriptors than there are.
import Glibc
import Testing
@testable import tokenmill

struct DescriptorLimitTests {
    @Test(arguments: [
        (8192, 20_000, 8192), (8192, 8320, 8192), (8192, 8319, 8191), (8192, 1024, 896), (1, 1024, 1), (9, 64, 1),
    ]) func `connections are bounded by the descriptors there are`(wanted: Int, descriptors: Int, connections: Int) {
        #expect(
            DescriptorLimit.connectionsMax(wanted: wanted, descriptors: descriptors) == connections)
    }

    @Test func `the limit is raised as far as it may be`() {
        var limit = rlimit()
        let raised = DescriptorLimit.raise()
        getrlimit(__rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue)), &limit)
        #expect(limit.rlim_cur == limit.rlim_max)
        #expect(raised == Int(clamping: limit.rlim_max))
    }
}
