import Apus
import Compression
import Files
import JSON

/// Keeps documents aside that no model sees: those whose address has the least hash.
package struct HeldOutStep: ExperimentStep {
    package struct Product: Codable, Sendable {
        package var documents: Int
        /// UTF-8 bytes of the texts as they are evaluated.
        package var bytes: Int
    }

    package static let kind = "held-out 1"
    /// Shorter texts say little and are left where they are.
    static let minimumBytes = 400
    static let file = "held_out.jsonl"

    package var site: StepSite
    var documents: Int
    var bytesPerDocument: Int
    var seed: UInt64
    @Input var curated: Finished<CurateStep.Product>

    package init(
        site: StepSite, documents: Int, bytesPerDocument: Int, seed: UInt64,
        curated: ObjectRef<Finished<CurateStep.Product>>
    ) {
        self.site = site
        self.documents = documents
        self.bytesPerDocument = bytesPerDocument
        self.seed = seed
        _curated = curated
    }

    package var inputDigests: [String] { [curated.digest] }

    package func parameters() throws -> JSONValue {
        [
            "documents": JSONValue(documents), "bytesPerDocument": JSONValue(bytesPerDocument),
            "minimumBytes": JSONValue(Self.minimumBytes), "seed": .string("\(seed)"),
        ]
    }

    package func perform(in folder: String) async throws -> Product {
        var drawn: [(number: UInt64, document: Document)] = []
        let pages = DocumentFiles(paths: curated.product.shards.map { curated.folder + "/" + $0.file })
        try pages.forEach { document in
            guard document.text.utf8.count >= Self.minimumBytes else { return }
            let number = Draw.number(document, seed: seed, for: "held out")
            if drawn.count == documents, let last = drawn.last, number >= last.number { return }
            let place = drawn.firstIndex { $0.number > number } ?? drawn.count
            drawn.insert((number, document), at: place)
            if drawn.count > documents { drawn.removeLast() }
        }
        guard drawn.count == documents else {
            throw ExperimentError.tooFewHeldOut(found: drawn.count, wanted: documents)
        }
        let file = try AtomicFile(folder + "/" + Self.file)
        var bytes = 0
        for (_, document) in drawn {
            let text = Self.cut(document.text, to: bytesPerDocument)
            bytes += text.utf8.count
            var object: JSONObject = ["text": .string(text)]
            if let url = document.url { object["url"] = .string(url) }
            // The whole text is what training text must not overlap.
            object["whole"] = .string(document.text)
            try file.write(JSONValue.object(object).text() + "\n")
        }
        try file.commit()
        return Product(documents: drawn.count, bytes: bytes)
    }

    package func isWhole(_ product: Product, in folder: String) -> Bool { FileReader.exists(folder + "/" + Self.file) }

    /// The front of a text, up to a line's end where there is one in its second half.
    package static func cut(_ text: String, to limit: Int) -> String {
        guard text.utf8.count > limit else { return text }
        let bytes = Array(text.utf8.prefix(limit))
        var end = bytes.count
        if let newline = bytes.lastIndex(of: 10), newline > limit / 2 {
            end = newline
        } else {
            // A scalar is not cut in two.
            while end > 0, end < text.utf8.count,
                text.utf8[text.utf8.index(text.utf8.startIndex, offsetBy: end)] & 0xC0 == 0x80
            {
                end -= 1
            }
        }
        return String(decoding: bytes.prefix(end), as: UTF8.self)
    }
}

/// The held-out documents, read back.
package struct HeldOutDocuments: Sendable {
    package private(set) var texts: [String] = []
    package private(set) var wholeTexts: [String] = []
    package private(set) var urls: Set<String> = []

    package init(_ step: Finished<HeldOutStep.Product>) throws {
        let path = step.folder + "/" + HeldOutStep.file
        let lines = try LineReader(path: path)
        var line: [UInt8] = []
        while try lines.next(into: &line) {
            let value = try JSONValue(parsing: line)
            guard let text = value["text"]?.stringValue, let whole = value["whole"]?.stringValue else {
                throw ExperimentError.damagedStep(path: step.folder, reason: "\(HeldOutStep.file) is damaged")
            }
            texts.append(text)
            wholeTexts.append(whole)
            if let url = value["url"]?.stringValue { urls.insert(url) }
        }
    }
}
