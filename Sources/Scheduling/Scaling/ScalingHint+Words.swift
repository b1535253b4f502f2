// ScalingHint+Words.swift: the hint's reason as a sentence, for operators who read it at three in
// the morning.

extension ScalingHint {
    /// One sentence: what should happen, and which figure decided.
    public var reason: String {
        switch decision {
        case .unknown: "no load has been seen yet"
        case .steady: "keep \(count(currentReplicas)): \(bindingWords)"
        case .up: "go up from \(currentReplicas) to \(count(desiredReplicas)): \(bindingWords)"
        case .down:
            "go down from \(currentReplicas) to \(count(desiredReplicas)): the load has fitted "
                + "them for the whole scale-down window; \(bindingWords)"
        case .holdingDown(let seconds):
            "keep \(count(currentReplicas)) for up to \(Self.number(seconds)) s more: "
                + "fewer would do now, but not over the whole scale-down window; \(bindingWords)"
        case .bounded: "\(count(desiredReplicas)), which is the policy's bound; \(bindingWords)"
        case .toZero: "go to zero: no request for the whole scale-to-zero window"
        case .wake: "wake up: requests wait and no replica runs"
        case .asleep: "stay at zero: nobody asks"
        }
    }

    private var bindingWords: String {
        guard let pressure = pressures.first(where: { $0.signal == binding }) else {
            return "no load target"
        }
        return "\(pressure.signal.rawValue) is \(Self.number(pressure.load)) against a target of "
            + "\(Self.number(pressure.target)) per replica "
            + "(pressure \(Self.number(pressure.value)))"
    }

    private func count(_ replicas: Int) -> String {
        replicas == 1 ? "1 replica" : "\(replicas) replicas"
    }

    /// At most two decimals, no trailing zeros.
    private static func number(_ value: Double) -> String {
        guard value.magnitude < 1e12 else { return "\(value)" }
        let hundredths = Int((value.magnitude * 100).rounded())
        let (whole, part) = hundredths.quotientAndRemainder(dividingBy: 100)
        let sign = value < 0 && hundredths > 0 ? "-" : ""
        if part == 0 { return "\(sign)\(whole)" }
        if part % 10 == 0 { return "\(sign)\(whole).\(part / 10)" }
        return "\(sign)\(whole).\(part < 10 ? "0" : "")\(part)"
    }
}
