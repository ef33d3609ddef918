import Files
import JSON

/// The values that a chunk's pages gave to one rule.
struct AggregateBook: Sendable {
    /// Distinct texts that are counted by themselves; those that come after are counted together.
    static let textLimit = 1 << 16

    private(set) var numbers: [Double] = []
    private(set) var texts: [String: Int] = [:]
    /// Texts beyond the limit.
    private(set) var otherTexts = 0
    /// Pages without the field, or with a value that the statistic cannot take.
    private(set) var missing = 0

    init() {}

    mutating func add(_ value: AggregateValue?) {
        switch value {
        case .number(let number): numbers.append(number)
        case .text(let text): add(text, 1)
        case nil: missing += 1
        }
    }

    private mutating func add(_ text: String, _ count: Int) {
        if let held = texts[text] {
            texts[text] = held + count
        } else if texts.count < Self.textLimit {
            texts[text] = count
        } else {
            otherTexts += count
        }
    }

    /// Adds another book's texts and counts; its numbers are the caller's. In the order of the bytes, so that what is
    /// beyond the limit does not depend on hashing.
    mutating func merge(_ other: AggregateBook) {
        for (text, count) in other.texts.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
            add(text, count)
        }
        otherTexts += other.otherTexts
        missing += other.missing
    }

    var json: JSONValue {
        [
            "numbers": .array(numbers.map(JSONValue.number)), "missing": JSONValue(missing),
            "other": JSONValue(otherTexts),
            "texts": .object(JSONObject(texts.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })),
        ]
    }

    init(json: JSONValue) {
        numbers = json["numbers"]?.arrayValue?.compactMap(\.doubleValue) ?? []
        missing = json["missing"]?.intValue ?? 0
        otherTexts = json["other"]?.intValue ?? 0
        for (text, count) in json["texts"]?.objectValue ?? [:] { texts[text] = count.intValue ?? 0 }
    }
}

/// The statistic of one rule over all chunks, in bounded memory: numbers are sorted on disk where they must be.
final class AggregateSummary {
    private let rule: AggregateRule
    private let sorter: NumberSorter
    private var book = AggregateBook()
    private var count = 0
    private var sum = 0.0
    private var least = Double.infinity
    private var most = -Double.infinity

    init(_ rule: AggregateRule, prefix: String, memory: Int) {
        self.rule = rule
        sorter = NumberSorter(prefix: prefix, memory: memory)
    }

    func add(_ chunk: AggregateBook) throws {
        for number in chunk.numbers {
            try sorter.add(Self.key(number))
            count += 1
            sum += number
            least = min(least, number)
            most = max(most, number)
        }
        book.merge(chunk)
    }

    /// Bits that sort as the numbers do.
    private static func key(_ number: Double) -> UInt64 {
        let bits = (number == 0 ? 0 : number).bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    private static func number(_ key: UInt64) -> Double {
        Double(bitPattern: key >> 63 == 1 ? key & ~(1 << 63) : ~key)
    }

    func finish() throws -> CurationManifest.Aggregate {
        var result = CurationManifest.Aggregate(key: rule.key, type: rule.kind.rawValue, missing: book.missing)
        switch rule.kind {
        case .percentiles: result.percentiles = try percentiles()
        case .histogram:
            if !book.texts.isEmpty { result.texts = book.texts }
            if book.otherTexts > 0 { result.otherTexts = book.otherTexts }
            if count > 0 { result.bins = try bins() }
        }
        return result
    }

    /// The value nearest to each percentile's place, of two equally near ones that with the even place.
    private func percentiles() throws -> [String: Double]? {
        guard count > 0 else { return nil }
        let shares = [
            ("min", 0), ("p25", 0.25), ("median", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99),
            ("max", 1),
        ]
        var wanted: [Int: [String]] = [:]
        for (name, share) in shares {
            wanted[Int((Double(count - 1) * share).rounded(.toNearestOrEven)), default: []].append(name)
        }
        var result = ["mean": sum / Double(count)]
        var place = 0
        try sorter.drain { key in
            for name in wanted[place] ?? [] { result[name] = Self.number(key) }
            place += 1
        }
        return result
    }

    /// Ten bins of one width from the least to the greatest number; the last holds its upper edge too.
    private func bins() throws -> [CurationManifest.Bin] {
        let (low, high) = least == most ? (least - 0.5, most + 0.5) : (least, most)
        let width = (high - low) / 10
        var bins = (0..<10).map { CurationManifest.Bin(from: low + Double($0) * width, count: 0) }
        var index = 0
        try sorter.drain { key in
            let number = Self.number(key)
            while index < 9, number >= bins[index + 1].from { index += 1 }
            bins[index].count += 1
        }
        return bins
    }
}
