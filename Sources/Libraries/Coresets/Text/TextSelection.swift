import Apus
import ApusCore
import Compression
import JSON

/// Pages of JSON lines that stand for all of them, chosen in bounded memory: a core-set of each part, in a task, and of
/// their union.
public struct TextSelection: Sendable {
    public var count: Int
    /// How texts become numbers; unused where `key` names an embedding in the pages.
    public var features: TextFeatures
    /// The member that holds an embedding.
    public var key: String?
    /// Pages of a part.
    public var part = 2048
    public var metric: Similarity

    public init(count: Int, features: TextFeatures, key: String? = nil, metric: Similarity = .cosine) {
        self.count = count
        self.features = features
        self.key = key
        self.metric = metric
    }

    /// A page that was chosen.
    public struct Pick: Sendable, Hashable {
        /// From 0, through all files.
        public var index: Int
        /// Pages that it stands for.
        public var weight: Double
        /// The page as it was read.
        public var page: JSONObject
    }

    public struct Outcome: Sendable {
        /// In the order of the pages.
        public var picks: [Pick]
        public var seen: Int
        public var parts: Int
        /// How often a union was chosen from again.
        public var height: Int
        public var seconds: Double
    }

    /// Reads the files once for their features and once more for the pages that were chosen.
    ///
    /// - Throws: `CoresetError.malformed` with file and line, `.tooMany`, `.unsupported`; `FileError`, `TaskError`.
    public func run(on cluster: Cluster, files: [String]) async throws -> Outcome {
        let start = SelectionRequest.now
        guard count > 0, part > 0 else {
            throw CoresetError.invalidParameter(
                name: "the count or the part", value: "\(count), \(part)", expected: "positive")
        }
        guard !metric.needsMaximum else {
            throw CoresetError.unsupported(
                what: "Parts do not know the greatest distance that \(metric.name) needs",
                remedy: "Use cosine, exp-distance or gaussian:GAMMA.")
        }
        let rule = CoresetRule.facilityLocation(count: count, metric: metric)
        var level: [ObjectRef<PartialCoreset>] = []
        var storage: [Float] = []
        var columns = key == nil ? features.columns : 0
        var (rows, seen) = (0, 0)
        func finish() async throws {
            guard rows > 0 else { return }
            let matrix = try await cluster.put(try Matrix(rows: rows, columns: columns, storage: storage))
            level.append(try cluster.submit(SelectPart(features: matrix, part: level.count, rule: rule)))
            storage.removeAll(keepingCapacity: true)
            rows = 0
            // So many parts may wait; memory stays bounded however fast the files are read.
            if level.count > 8 { _ = try await level[level.count - 8].value }
        }
        try await Self.forEachPage(files) { page, place in
            let row = try numbers(of: page, place)
            if columns == 0 { columns = row.count }
            guard row.count == columns else {
                throw CoresetError.malformed(
                    file: place.file, place: "line \(place.line)",
                    reason: "\(row.count) numbers where \(columns) were expected")
            }
            storage += row
            rows += 1
            seen += 1
            if rows == part { try await finish() }
        }
        try await finish()
        guard count <= seen else { throw CoresetError.tooMany(count: count, rows: seen) }
        let parts = level.count
        // Eight core-sets are united at a time, and chosen from again where more than four times the count came together.
        while level.count > 1 {
            level = try stride(from: 0, to: level.count, by: 8).map { first in
                try cluster.submit(
                    UniteParts(
                        coresets: Array(level[first..<min(level.count, first + 8)]), rule: rule, limit: 4 * count))
            }
        }
        var union = try await level[0].value
        if union.members.count > count { union = try union.reduced(by: rule) }
        let picks = try await pages(of: union, files)
        return Outcome(
            picks: picks, seen: seen, parts: parts, height: union.height, seconds: SelectionRequest.now - start)
    }

    private func pages(of union: PartialCoreset, _ files: [String]) async throws -> [Pick] {
        let weights = Dictionary(
            uniqueKeysWithValues: union.members.map { ($0.part * part + $0.row, $0.weight) })
        var picks: [Pick] = []
        var index = 0
        try await Self.forEachPage(files) { page, _ in
            if let weight = weights[index] { picks.append(Pick(index: index, weight: weight, page: page)) }
            index += 1
        }
        return picks
    }

    private func numbers(of page: JSONObject, _ place: (file: String, line: Int)) throws -> [Float] {
        guard let key else {
            guard let text = page["text"]?.stringValue else {
                throw CoresetError.malformed(
                    file: place.file, place: "line \(place.line)", reason: "the page has no `text` that is a string")
            }
            return features.row(of: text)
        }
        guard let values = page[key]?.arrayValue else {
            throw CoresetError.malformed(
                file: place.file, place: "line \(place.line)", reason: "no array of numbers under \(key)")
        }
        return try values.enumerated().map { index, value in
            guard let number = value.doubleValue, number.isFinite else {
                throw CoresetError.malformed(
                    file: place.file, place: "line \(place.line)",
                    reason: "element \(index) of \(key) is no finite number")
            }
            return Float(number)
        }
    }

    private static func forEachPage(
        _ files: [String], _ body: (JSONObject, (file: String, line: Int)) async throws -> Void
    ) async throws {
        var line: [UInt8] = []
        for file in files {
            let reader = try LineReader(path: file)
            while try reader.next(into: &line) {
                if line.isEmpty { continue }
                guard case .object(let page)? = try? JSONValue(parsing: line) else {
                    throw CoresetError.malformed(
                        file: file, place: "line \(reader.lineNumber)", reason: "no JSON object")
                }
                try await body(page, (file, reader.lineNumber))
            }
        }
    }
}
