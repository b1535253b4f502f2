// BenchNumbers.swift: a flag that takes several numbers: `1,4,16`; `0` alone is none.
import ArgumentParser

struct BenchNumbers: ExpressibleByArgument, ExpressibleByArrayLiteral, Sendable {
    static let largest = 1_000_000

    let values: [Int]

    init(arrayLiteral elements: Int...) { values = elements }

    init?(argument: String) {
        var values: [Int] = []
        for field in argument.split(separator: ",", omittingEmptySubsequences: false) {
            guard let number = Int(field), (0...Self.largest).contains(number) else { return nil }
            values.append(number)
        }
        self.values = values.filter { $0 > 0 }
    }

    var defaultValueDescription: String { values.map(String.init).joined(separator: ",") }
}
