// Clock.swift: the clock that durations are measured with (monotonic nanoseconds), and the time of day.
import Dispatch
import Glibc

public enum Clock {
    /// Time of day, Unix seconds.
    public static var unixSeconds: Int {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return now.tv_sec
    }

    public static var nanoseconds: UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// 0 if `end` is before `start`.
    public static func seconds(from start: UInt64, to end: UInt64) -> Double {
        end > start ? Double(end - start) / 1e9 : 0
    }
}
