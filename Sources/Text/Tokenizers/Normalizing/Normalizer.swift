// Normalizer.swift: applies a vocabulary's normalization steps to a piece of text, in order.
// Foundation is asked for the Unicode forms alone, and only for text that could change.
import Foundation

struct Normalizer: Sendable {
    static let mark: [UInt8] = [0xE2, 0x96, 0x81]
    let steps: [NormalizerStep]

    /// - isFirst: whether the text begins what is encoded.
    func apply(_ text: UnsafeBufferPointer<UInt8>, isFirst: Bool) -> [UInt8] {
        var bytes = Array(text)
        for step in steps { bytes = Self.apply(step, bytes, isFirst: isFirst) }
        return bytes
    }

    private static func apply(_ step: NormalizerStep, _ text: [UInt8], isFirst: Bool) -> [UInt8] {
        switch step {
        case .form(let form): return normalized(text, form)
        case .lowercase: return Array(String(decoding: text, as: UTF8.self).lowercased().utf8)
        case .stripAccents: return filtered(text) { $0 != .nonspacingMark }
        case .prepend(let prefix): return text.isEmpty ? text : prefix + text
        case .replace(let old, let new): return replaced(text, old, new)
        case .replaceMatches(let pattern, let new): return replaced(text, pattern, new)
        case .strip(let left, let right): return stripped(text, left: left, right: right)
        case .clean(let separatesChinese): return cleaned(text, separatesChinese: separatesChinese)
        case .characterMap(let map): return repaired(map.apply(text))
        case .sentencePieceSpaces(let removesExtra, let addsPrefix, let marksAreSuffixes):
            return spaced(text, removesExtra, addsPrefix, marksAreSuffixes)
        case .marks(let prefix):
            let marked = replaced(text, [0x20], mark)
            let wants = prefix == .always || (prefix == .first && isFirst)
            return wants && !marked.isEmpty && !marked.starts(with: mark) ? mark + marked : marked
        case .leadingSpace: return text.isEmpty || text[0] == 0x20 ? text : [0x20] + text
        }
    }

    /// The text with U+FFFD for what is no character: a file's rules may cut or make half ones.
    private static func repaired(_ text: [UInt8]) -> [UInt8] {
        if String(validating: text, as: UTF8.self) != nil { return text }
        return Array(String(decoding: text, as: UTF8.self).utf8)
    }

    /// Whether text with this scalar may differ from its composed form. Below U+0300 nothing does;
    /// dashes and quotation marks, unified ideographs and the kana up to U+3096 neither.
    private static func mayCompose(_ text: ArraySlice<UInt8>) -> Bool {
        text.withUnsafeBufferPointer { bytes in
            var index = 0
            while index < bytes.count {
                let byte = bytes[index]
                if byte < 0xCC {
                    index += 1
                    continue
                }
                // Three-byte characters U+3000...U+9FFF: only their leading two bytes are looked
                // at.
                if byte >= 0xE4, byte <= 0xE9 {
                    index += 3
                    continue
                }
                if byte == 0xE2, index + 2 < bytes.count, bytes[index + 1] == 0x80, bytes[index + 2] >= 0x82 {
                    index += 3
                    continue
                }
                if byte == 0xE3, index + 2 < bytes.count {
                    let value =
                        UInt16(bytes[index + 1] & 0x3F) << 6 | UInt16(bytes[index + 2] & 0x3F)
                    let isKana = value >= 0x41 && value <= 0x96
                    let isPunctuation = value <= 0x29
                    let isKatakana = value >= 0xA1 && value <= 0xFF
                    if isKana || isPunctuation || isKatakana {
                        index += 3
                        continue
                    }
                }
                return true
            }
            return false
        }
    }

    /// A blank composes with nothing, so what lies between two is composed on its own, if at all.
    private static func composed(_ text: [UInt8]) -> [UInt8] {
        guard mayCompose(text[...]) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var start = 0
        while start < text.count {
            let end = text[start...].firstIndex(of: 0x20) ?? text.count
            let piece = text[start..<end]
            if mayCompose(piece) {
                result += mapped(piece, \.precomposedStringWithCanonicalMapping)
            } else {
                result += piece
            }
            if end < text.count { result.append(0x20) }
            start = end + 1
        }
        return result
    }

    private static func normalized(_ text: [UInt8], _ form: UnicodeForm) -> [UInt8] {
        switch form {
        case .nfc: composed(text)
        case .nfd: mappedUnlessASCII(text, \.decomposedStringWithCanonicalMapping)
        case .nfkc: mappedUnlessASCII(text, \.precomposedStringWithCompatibilityMapping)
        case .nfkd: mappedUnlessASCII(text, \.decomposedStringWithCompatibilityMapping)
        }
    }

    private static func mappedUnlessASCII(_ text: [UInt8], _ form: KeyPath<String, String>) -> [UInt8] {
        text.allSatisfy { $0 < 0x80 } ? text : mapped(text[...], form)
    }

    private static func mapped(_ text: ArraySlice<UInt8>, _ form: KeyPath<String, String>) -> [UInt8] {
        Array(String(decoding: text, as: UTF8.self)[keyPath: form].utf8)
    }

    private static func filtered(_ text: [UInt8], _ keeps: (Unicode.GeneralCategory) -> Bool)
        -> [UInt8]
    {
        var result = String.UnicodeScalarView()
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars
        where keeps(scalar.properties.generalCategory) { result.append(scalar) }
        return Array(String(result).utf8)
    }

    private static func replaced(_ text: [UInt8], _ old: [UInt8], _ new: [UInt8]) -> [UInt8] {
        guard let first = old.first, text.contains(first) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count + text.count / 2)
        var index = 0
        while index < text.count {
            if text[index] == first, index + old.count <= text.count,
                old.count == 1 || text[index..<(index + old.count)].elementsEqual(old)
            {
                result.append(contentsOf: new)
                index += old.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func replaced(_ text: [UInt8], _ pattern: SplitPattern, _ new: [UInt8])
        -> [UInt8]
    {
        var result: [UInt8] = []
        var stack = BacktrackStack(textBytes: text.count, stages: 1)
        text.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            let view = SplitText(base, count: bytes.count)
            var position = 0
            while position < bytes.count {
                let found = pattern.next(view, from: position, to: bytes.count, begin: 0, &stack)
                guard let found, found.end > found.start else { break }
                result.append(contentsOf: bytes[position..<found.start])
                result.append(contentsOf: new)
                position = found.end
            }
            result.append(contentsOf: bytes[position...])
        }
        return result
    }

    private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        var scalars = String(decoding: text, as: UTF8.self).unicodeScalars[...]
        if left { scalars = scalars.drop { $0.properties.isWhitespace } }
        while right, let last = scalars.last, last.properties.isWhitespace { scalars.removeLast() }
        return Array(String(scalars).utf8)
    }

    private static func cleaned(_ text: [UInt8], separatesChinese: Bool) -> [UInt8] {
        var result = String.UnicodeScalarView()
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            let category = scalar.properties.generalCategory
            if scalar.properties.isWhitespace {
                result.append(" ")
            } else if scalar.value == 0 || scalar.value == 0xFFFD || category == .control
                || category == .format || category == .privateUse || category == .unassigned
            {
                continue
            } else if separatesChinese, isChinese(scalar.value) {
                result.append(" ")
                result.append(scalar)
                result.append(" ")
            } else {
                result.append(scalar)
            }
        }
        return Array(String(result).utf8)
    }

    /// BERT's CJK blocks.
    private static func isChinese(_ value: UInt32) -> Bool {
        switch value {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F,
            0x2B740...0x2B81F,
            0x2B820...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            return true
        default: return false
        }
    }

    private static func spaced(
        _ text: [UInt8], _ removesExtra: Bool, _ addsPrefix: Bool, _ marksAreSuffixes: Bool
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count * 3 / 2 + 3)
        var index = 0
        if removesExtra { while index < text.count, text[index] == 0x20 { index += 1 } }
        if index == text.count { return [] }
        if addsPrefix, !marksAreSuffixes { result += mark }
        var wasSpace = false
        while index < text.count {
            let byte = text[index]
            if byte != 0x20 {
                result.append(byte)
            } else if !removesExtra || !wasSpace {
                result.append(contentsOf: mark)
            }
            wasSpace = byte == 0x20
            index += 1
        }
        if removesExtra { while result.suffix(3).elementsEqual(mark) { result.removeLast(3) } }
        if addsPrefix, marksAreSuffixes { result += mark }
        return result
    }
}
