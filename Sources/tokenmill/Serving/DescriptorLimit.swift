// DescriptorLimit.swift: how many descriptors this process may have, raised as far as it may be.
// Each connection is one; without room for them `accept` would fail long before `http.connections_max`.
import Glibc

enum DescriptorLimit {
    /// For the model's files, listeners, standard streams and connections that are told they are too many.
    static let reserve = 128

    private static let resource = __rlimit_resource_t(UInt32(RLIMIT_NOFILE.rawValue))

    /// Raises the soft limit to the hard one. - Returns: what holds from now on.
    static func raise() -> Int {
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return .max }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// Connections that `descriptors` leave room for, at most as many as are `wanted`.
    static func connectionsMax(wanted: Int, descriptors: Int) -> Int {
        min(wanted, max(descriptors - reserve, 1))
    }
}
