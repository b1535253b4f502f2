// Operations.swift: Python's operators on values, with Python's refusals.
import Glibc

extension Jinja.Renderer {
    // MARK: equality and order

    func areEqual(_ left: [Value], _ right: [Value]) throws -> Bool {
        guard left.count == right.count else { return false }
        for (a, b) in zip(left, right) where !(try areEqual(a, b)) { return false }
        return true
    }

    func areEqual(_ left: Value, _ right: Value) throws -> Bool {
        try charge()
        if let a = left.integer, let b = right.integer { return a == b }
        if let a = left.text, let b = right.text { return a.isSame(as: b) }
        switch (left, right) {
        case (.none, .none), (.undefined, .undefined): return true
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            return try areEqual(a.values, b.values)
        case (.dictionary(let a), .dictionary(let b)):
            guard a.count == b.count else { return false }
            for (keyValue, value) in zip(a.keys, a.values) {
                guard let other = b.value(try key(for: keyValue)), try areEqual(value, other)
                else { return false }
            }
            return true
        case (.object(let a), .object(let b)):
            if a === b { return true }
            guard a.typeName == b.typeName, let left = a.elements, let right = b.elements else {
                return false
            }
            return try areEqual(left, right)
        case (.generator(let a), .generator(let b)): return a === b
        default:
            guard let a = left.number, let b = right.number else { return false }
            return a == b
        }
    }

    func holds(_ comparison: Jinja.Comparison, _ left: Value, _ right: Value) throws -> Bool {
        switch comparison {
        case .equal: return try areEqual(left, right)
        case .notEqual: return !(try areEqual(left, right))
        case .isIn: return try contains(right, left)
        case .isNotIn: return !(try contains(right, left))
        case .less: return try isLess(left, right, "<")
        case .greater: return try isLess(right, left, ">", isSwapped: true)
        case .lessOrEqual: return try isLess(left, right, "<=", orEqual: true)
        case .greaterOrEqual:
            return try isLess(right, left, ">=", orEqual: true, isSwapped: true)
        }
    }

    /// Whether `left < right`; the symbol is for the message.
    func isLess(
        _ left: Value, _ right: Value, _ symbol: String = "<", orEqual: Bool = false,
        isSwapped: Bool = false
    ) throws -> Bool {
        try charge()
        if let a = left.integer, let b = right.integer { return orEqual ? a <= b : a < b }
        if let a = left.number, let b = right.number { return orEqual ? a <= b : a < b }
        if let a = left.text, let b = right.text {
            return orEqual ? !b.precedes(a) : a.precedes(b)
        }
        switch (left, right) {
        case (.undefined(let undefined), _), (_, .undefined(let undefined)):
            throw undefined.error
        case (.list(let a), .list(let b)), (.tuple(let a), .tuple(let b)):
            for (x, y) in zip(a.values, b.values) where !(try areEqual(x, y)) {
                return try isLess(x, y, symbol, orEqual: orEqual, isSwapped: isSwapped)
            }
            return orEqual ? a.values.count <= b.values.count : a.values.count < b.values.count
        default:
            let (first, second) = isSwapped ? (right, left) : (left, right)
            throw TemplateError.type(
                "'\(symbol)' not supported between instances of '\(first.typeName)'"
                    + " and '\(second.typeName)'")
        }
    }

    func contains(_ container: Value, _ value: Value) throws -> Bool {
        switch container {
        case .string(let text), .markup(let text):
            if case .undefined = value {
                throw TemplateError.type(
                    "'in <string>' requires string as left operand, not Undefined")
            }
            guard let part = value.text else {
                throw TemplateError.type(
                    "'in <string>' requires string as left operand, not \(value.typeName)")
            }
            try charge(text.utf8.count / 32)
            return text.firstRange(of: part) != nil
        case .dictionary(let dictionary): return dictionary.value(try key(for: value)) != nil
        default:
            guard let iterator = try? iterator(over: container) else {
                throw TemplateError.type(
                    "argument of type '\(container.typeName)' is not iterable")
            }
            while let next = try iterator.next() {
                if try areEqual(next, value) { return true }
            }
            return false
        }
    }

    /// The key of a value in a dictionary or a set.
    func key(for value: Value) throws(TemplateError) -> Jinja.Key {
        try charge()
        switch value {
        case .undefined: return .undefined
        case .none: return .none
        case .bool(let value): return .integer(value ? 1 : 0)
        case .integer(let value): return .integer(value)
        case .double(let value):
            return Int128(exactly: value).map { .integer($0) } ?? .double(value)
        case .string(let text), .markup(let text):
            try charge(text.utf8.count / 32)
            return .text(Array(text.utf8))
        case .tuple(let elements):
            var keys: [Jinja.Key] = []
            for element in elements.values { keys.append(try key(for: element)) }
            return .tuple(keys)
        case .generator(let generator): return .object(ObjectIdentifier(generator))
        case .object(let object): return .object(ObjectIdentifier(object))
        case .list, .dictionary: throw .type("unhashable type: '\(value.typeName)'")
        }
    }

    // MARK: arithmetic

    func unary(_ operation: Jinja.UnaryOperator, _ operand: Value) throws -> Value {
        if case .undefined(let undefined) = operand { throw undefined.error }
        if let value = operand.integer {
            guard operation == .negative else { return .integer(value) }
            return .integer(try exact(Int128(0).subtractingReportingOverflow(value)))
        }
        guard case .double(let value) = operand else {
            throw TemplateError.type(
                "bad operand type for unary \(operation.rawValue): '\(operand.typeName)'")
        }
        return .double(operation == .negative ? -value : value)
    }

    func binary(_ operation: Jinja.BinaryOperator, _ left: Value, _ right: Value) throws -> Value {
        if case .undefined(let undefined) = left { throw undefined.error }
        if operation == .modulo, let format = left.text {
            return .string(try percentFormatted(format, right))
        }
        if case .undefined(let undefined) = right { throw undefined.error }
        if let a = left.integer, let b = right.integer {
            return try integers(operation, a, b)
        }
        if let a = left.number, let b = right.number {
            return .double(try doubles(operation, a, b))
        }
        switch operation {
        case .add: return try sum(left, right)
        case .multiply:
            if let count = right.integer, let result = try repeated(left, count) { return result }
            if let count = left.integer, let result = try repeated(right, count) { return result }
            for (value, other) in [(left, right), (right, left)]
            where value.text != nil || value.isListOrTuple {
                throw TemplateError.type(
                    "can't multiply sequence by non-int of type '\(other.typeName)'")
            }
        default: break
        }
        let name = operation == .power ? "** or pow()" : operation.rawValue
        throw TemplateError.type(
            "unsupported operand type(s) for \(name): '\(left.typeName)' and '\(right.typeName)'")
    }

    private func sum(_ left: Value, _ right: Value) throws -> Value {
        if let a = left.text, let b = right.text {
            let result: Value
            switch (left, right) {
            case (.markup, _), (_, .markup):
                result = .markup(try escaped(left) + (try escaped(right)))
            default: result = .string(a + b)
            }
            try charge(text: result.text ?? "")
            return result
        }
        switch (left, right) {
        case (.list(let a), .list(let b)):
            try charge(a.values.count + b.values.count)
            return .list(a.values + b.values)
        case (.tuple(let a), .tuple(let b)):
            try charge(a.values.count + b.values.count)
            return .tuple(a.values + b.values)
        case (.string, _), (.markup, _), (.list, _), (.tuple, _):
            let type = left.text != nil ? "str" : left.typeName
            throw TemplateError.type(
                "can only concatenate \(type) (not \"\(right.typeName)\") to \(type)")
        default:
            throw TemplateError.type(
                "unsupported operand type(s) for +: '\(left.typeName)' and '\(right.typeName)'")
        }
    }

    private func repeated(_ value: Value, _ count: Int128) throws -> Value? {
        let count = Int(clamping: max(0, count))
        if let text = value.text {
            let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
            try check(bytes: overflow ? .max : bytes)
            let result = String(repeating: text, count: text.isEmpty ? 0 : count)
            try charge(text: result)
            if case .markup = value { return .markup(result) }
            return .string(result)
        }
        guard value.isListOrTuple, let values = value.sequence else { return nil }
        let (total, overflow) = values.count.multipliedReportingOverflow(by: count)
        try charge(overflow ? .max : total)
        let result = Array(repeatElement(values, count: values.isEmpty ? 0 : count).joined())
        if case .tuple = value { return .tuple(result) }
        return .list(result)
    }

    /// The result of an operation on integers, which here have 128 bits.
    private func exact(_ result: (Int128, Bool)) throws(TemplateError) -> Int128 {
        guard !result.1 else { throw .limit("integerBitsMax", 128) }
        return result.0
    }

    private func integers(
        _ operation: Jinja.BinaryOperator, _ a: Int128, _ b: Int128
    ) throws -> Value {
        switch operation {
        case .add: return .integer(try exact(a.addingReportingOverflow(b)))
        case .subtract: return .integer(try exact(a.subtractingReportingOverflow(b)))
        case .multiply: return .integer(try exact(a.multipliedReportingOverflow(by: b)))
        case .divide:
            guard b != 0 else { throw Self.division("division by zero") }
            return .double(Double(a) / Double(b))
        case .floorDivide:
            guard b != 0 else { throw Self.division("integer division or modulo by zero") }
            let quotient = try exact(a.dividedReportingOverflow(by: b))
            return .integer(a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient)
        case .modulo:
            guard b != 0 else { throw Self.division("integer modulo by zero") }
            let rest = b == -1 ? 0 : a % b
            return .integer(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
        case .power:
            guard b >= 0 else { return .double(try doubles(.power, Double(a), Double(b))) }
            var result: Int128 = 1
            if a == 1 || a == 0 || b == 0 { return .integer(b == 0 ? 1 : a) }
            if a == -1 { return .integer(b % 2 == 0 ? 1 : -1) }
            guard b < 128 else { throw TemplateError.limit("integerBitsMax", 128) }
            for _ in 0..<Int(b) { result = try exact(result.multipliedReportingOverflow(by: a)) }
            return .integer(result)
        }
    }

    private func doubles(
        _ operation: Jinja.BinaryOperator, _ a: Double, _ b: Double
    ) throws(TemplateError) -> Double {
        switch operation {
        case .add: return a + b
        case .subtract: return a - b
        case .multiply: return a * b
        case .divide:
            guard b != 0 else { throw Self.division("float division by zero") }
            return a / b
        case .floorDivide:
            guard b != 0 else { throw Self.division("float floor division by zero") }
            return ((a - Self.remainder(a, b)) / b).rounded()
        case .modulo:
            guard b != 0 else { throw Self.division("float modulo") }
            return Self.remainder(a, b)
        case .power:
            if a == 0, b < 0 {
                throw Self.division("0.0 cannot be raised to a negative power")
            }
            let result = pow(a, b)
            if result.isInfinite, a.isFinite, b.isFinite {
                throw .runtime("OverflowError", "(34, 'Numerical result out of range')")
            }
            if result.isNaN, !a.isNaN, !b.isNaN {
                throw .type("complex numbers are not supported")
            }
            return result
        }
    }

    private static func division(_ message: String) -> TemplateError {
        .runtime("ZeroDivisionError", message)
    }

    /// Python's `%`: the sign of the divisor.
    private static func remainder(_ a: Double, _ b: Double) -> Double {
        let rest = fmod(a, b)
        if rest != 0 { return (rest < 0) != (b < 0) ? rest + b : rest }
        return b < 0 ? -0.0 : 0.0
    }
}

extension Jinja.Value {
    /// The value of a number as a double.
    var number: Double? {
        if case .double(let value) = self { return value }
        return integer.map { Double($0) }
    }

    var isListOrTuple: Bool {
        switch self {
        case .list, .tuple: true
        default: false
        }
    }
}
