import Apus
import Compression
import Files
import JSON

/// Leaves the held-out documents, and whatever overlaps them, out of a data set.
package struct DocumentsStep: ExperimentStep {
    package struct Product: Codable, Sendable {
        package var documents: Int
        package var bytes: Int
        /// Documents left out.
        package var decontaminated: Int
        package var samples: [SampleResult]
    }

    package static let kind = "documents 1"
    package static let file = "documents.jsonl.zst"
    static let sampleCount = 6

    package var site: StepSite
    var overlapWords: Int
    var overlapShare: Double
    var seed: UInt64
    /// For messages.
    var dataset: String
    var recipe: String
    @Input var curated: Finished<CurateStep.Product>
    @Input var heldOut: Finished<HeldOutStep.Product>

    package init(
        site: StepSite, overlapWords: Int, overlapShare: Double, seed: UInt64, dataset: String, recipe: String,
        curated: ObjectRef<Finished<CurateStep.Product>>, heldOut: ObjectRef<Finished<HeldOutStep.Product>>
    ) {
        self.site = site
        self.overlapWords = overlapWords
        self.overlapShare = overlapShare
        self.seed = seed
        self.dataset = dataset
        self.recipe = recipe
        _curated = curated
        _heldOut = heldOut
    }

    package var inputDigests: [String] { [curated.digest, heldOut.digest] }

    package func parameters() throws -> JSONValue {
        ["overlapWords": JSONValue(overlapWords), "overlapShare": .number(overlapShare), "seed": .string("\(seed)")]
    }

    package func perform(in folder: String) async throws -> Product {
        guard curated.product.documents > 0 else {
            throw ExperimentError.nothingKept(
                dataset: dataset, recipe: recipe, mostBy: CurateStep.mostBy(curated.product))
        }
        let kept = try HeldOutDocuments(heldOut)
        var index = OverlapIndex(length: overlapWords)
        for text in kept.wholeTexts { index.insert(text) }
        let output = try CompressedFile(folder + "/" + Self.file)
        var product = Product(documents: 0, bytes: 0, decontaminated: 0, samples: [])
        var drawn: [(number: UInt64, sample: SampleResult)] = []
        var line: [UInt8] = []
        let pages = DocumentFiles(paths: curated.product.shards.map { curated.folder + "/" + $0.file })
        try pages.forEach { document in
            site.post(product.documents + product.decontaminated, of: curated.product.documents, "documents")
            if document.url.map(kept.urls.contains) == true || index.share(of: document.text) > overlapShare {
                product.decontaminated += 1
                return
            }
            product.documents += 1
            product.bytes += document.text.utf8.count
            line.removeAll(keepingCapacity: true)
            var object: JSONObject = ["text": .string(document.text)]
            if let url = document.url { object["url"] = .string(url) }
            JSONValue.object(object).write(to: &line)
            line.append(10)
            try output.write(line)
            let number = Draw.number(document, seed: seed, for: "sample")
            if drawn.count < Self.sampleCount || number < drawn[drawn.count - 1].number {
                let place = drawn.firstIndex { $0.number > number } ?? drawn.count
                drawn.insert((number, SampleResult(url: document.url, text: Excerpt.of(document.text))), at: place)
                if drawn.count > Self.sampleCount { drawn.removeLast() }
            }
        }
        guard product.documents > 0 else {
            throw ExperimentError.nothingKept(
                dataset: dataset, recipe: recipe, mostBy: "the overlap with the held-out text")
        }
        try output.commit()
        product.samples = drawn.map(\.sample)
        return product
    }

    package func isWhole(_ product: Product, in folder: String) -> Bool { FileReader.exists(folder + "/" + Self.file) }
}
