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
    /// Whether files are read once, so that they may be pipes: pages are kept while a part of theirs is being chosen from
    /// and as long as they stay chosen. Otherwise files are read again for the pages that were chosen.
    public var isOnePass = false
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
        /// Pages that were held at most, where files were read once.
        public var mostHeld: Int
        public var seconds: Double
    }

    /// Reads the files once for their features, and once more for the pages that were chosen unless `isOnePass`.
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
        var tree = Tree(
            cluster: cluster, rule: .facilityLocation(count: count, metric: metric), limit: 4 * count,
            keeps: isOnePass)
        var held: [JSONObject] = []
        var storage: [Float] = []
        var columns = key == nil ? features.columns : 0
        var (rows, seen) = (0, 0)
        func finish() async throws {
            guard rows > 0 else { return }
            try await tree.add(try Matrix(rows: rows, columns: columns, storage: storage), pages: held)
            storage.removeAll(keepingCapacity: true)
            held.removeAll()
            rows = 0
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
            if isOnePass { held.append(page) }
            rows += 1
            seen += 1
            if rows == part { try await finish() }
        }
        try await finish()
        guard count <= seen else {
            throw CoresetError.malformed(
                file: files.joined(separator: ", "), place: "all of it",
                reason: "\(count) pages cannot be chosen from \(seen); ask for at most \(seen)")
        }
        let union = try await tree.union()
        let picks =
            isOnePass
            ? union.members.map { member in
                Pick(
                    index: member.part * part + member.row, weight: member.weight,
                    page: tree.pages[member.part]?[member.row] ?? [:])
            } : try await pages(of: union, files)
        return Outcome(
            picks: picks, seen: seen, parts: tree.parts, height: union.height, mostHeld: tree.mostHeld,
            seconds: SelectionRequest.now - start)
    }

    /// Core-sets of parts, united eight at a time as soon as there are as many of a level, and chosen from again where
    /// more than `limit` came together. What is held grows as the logarithm of the parts.
    private struct Tree {
        let cluster: Cluster
        let rule: CoresetRule
        let limit: Int
        /// Whether pages are kept.
        let keeps: Bool
        private(set) var parts = 0
        /// Pages that are chosen or may be, by part and row.
        private(set) var pages: [Int: [Int: JSONObject]] = [:]
        private(set) var mostHeld = 0
        private var levels: [[ObjectRef<PartialCoreset>]] = [[]]
        /// Parts whose choice is not known.
        private var pending: [(part: Int, coreset: ObjectRef<PartialCoreset>)] = []

        init(cluster: Cluster, rule: CoresetRule, limit: Int, keeps: Bool) {
            self.cluster = cluster
            self.rule = rule
            self.limit = limit
            self.keeps = keeps
        }

        mutating func add(_ features: Matrix<Float>, pages held: [JSONObject]) async throws {
            let matrix = try await cluster.put(features)
            let coreset = try cluster.submit(SelectPart(features: matrix, part: parts, rule: rule))
            if keeps {
                pages[parts] = Dictionary(uniqueKeysWithValues: held.enumerated().map { ($0, $1) })
                mostHeld = max(mostHeld, pages.values.reduce(0) { $0 + $1.count })
            }
            pending.append((parts, coreset))
            levels[0].append(coreset)
            parts += 1
            // So many parts may wait; memory stays bounded however fast the files are read.
            while pending.count > 8 { try await settle() }
            var level = 0
            while levels[level].count == 8 {
                while !pending.isEmpty { try await settle() }
                try await unite(level)
                level += 1
            }
        }

        /// Waits for the oldest part that is being chosen from.
        private mutating func settle() async throws {
            let (part, coreset) = pending.removeFirst()
            keep(try await coreset.value, of: [part])
        }

        private mutating func keep(_ coreset: PartialCoreset, of parts: Set<Int>) {
            guard keeps else { return }
            var rows: [Int: Set<Int>] = [:]
            for member in coreset.members { rows[member.part, default: []].insert(member.row) }
            for part in parts {
                pages[part] = pages[part]?.filter { rows[part]?.contains($0.key) ?? false }
                if pages[part]?.isEmpty ?? true { pages[part] = nil }
            }
        }

        private mutating func unite(_ level: Int) async throws {
            let united = try cluster.submit(UniteParts(coresets: levels[level], rule: rule, limit: limit))
            let before = levels[level]
            levels[level] = []
            if level + 1 == levels.count { levels.append([]) }
            levels[level + 1].append(united)
            guard keeps else { return }
            var parts = Set<Int>()
            for one in before { parts.formUnion(try await one.value.members.map(\.part)) }
            keep(try await united.value, of: parts)
        }

        /// What was chosen of all parts.
        mutating func union() async throws -> PartialCoreset {
            while !pending.isEmpty { try await settle() }
            var level = 0
            while level + 1 < levels.count || levels[level].count > 1 {
                if !levels[level].isEmpty { try await unite(level) }
                level += 1
            }
            let union = try await levels[level][0].value
            return union.members.count > rule.count ? try union.reduced(by: rule) : union
        }
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
