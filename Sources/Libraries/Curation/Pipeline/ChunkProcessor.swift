import JSON
import WebArchives

/// Pages that are worked on together. A chunk is a function of the pool alone, so that parallelism changes nothing.
struct PageChunk: Sendable, Codable {
    var number: Int
    var pages: [RawPage]
}

/// A page, or a piece of one, between two passes: which page of the chunk it came from, and its dedup decisions.
struct Piece: Sendable {
    var origin: Int
    var page: Page
}

/// What one pass did to one chunk.
struct ChunkResult: Sendable {
    var number: Int
    /// Pages of the chunk, in its first pass.
    var read = 0
    var dropped: [String: Int] = [:]
    var failed: [String: Int] = [:]
    /// Pieces in and out of each step of the pass.
    var stepIn: [Int]
    var stepOut: [Int]
    var samples: SampleBook
    /// Of each step, and each of its statistics.
    var aggregates: [[AggregateBook]]
    var pieces: [Piece] = []
}

/// Applies one pass to chunks. A value: the same chunk gives the same result on any thread.
struct ChunkProcessor: Sendable {
    let pass: RecipePlan.Pass
    /// The global step that the next pass begins with.
    let next: ExactDedup?
    let mode: TextExtraction.Mode
    let extractor: (any PageTextExtractor)?
    let pageLimit: Int
    let seed: UInt64
    let samplesPerRule: Int

    private func emptyResult(_ number: Int) -> ChunkResult {
        ChunkResult(
            number: number, stepIn: Array(repeating: 0, count: pass.names.count),
            stepOut: Array(repeating: 0, count: pass.names.count),
            samples: SampleBook(seed: seed, limit: samplesPerRule),
            aggregates: pass.aggregates.map { $0.map { _ in AggregateBook() } })
    }

    /// The first pass: decodes the pages, then applies the steps.
    func process(_ chunk: PageChunk) -> ChunkResult {
        var result = emptyResult(chunk.number)
        result.read = chunk.pages.count
        for (origin, raw) in chunk.pages.enumerated() {
            do {
                apply(to: [try decode(raw)], origin, from: 0, &result)
            } catch {
                result.failed[error.reason, default: 0] += 1
            }
        }
        return result
    }

    /// A later pass: leaves what the global step keeps, then applies the steps. `kept` is by unit, in order.
    func process(_ pieces: [Piece], number: Int, kept: ArraySlice<Bool>) -> ChunkResult {
        var result = emptyResult(number)
        guard let dedup = pass.dedup else { return result }
        var kept = kept
        var at = 0
        while at < pieces.count {
            let origin = pieces[at].origin
            var left: [Page] = []
            var last: Page?
            var failure: String?
            while at < pieces.count, pieces[at].origin == origin {
                let page = pieces[at].page
                at += 1
                result.stepIn[0] += 1
                let count: Int
                do {
                    count = try dedup.contents(of: page).count
                } catch {
                    failure = "exact_dedup: \(Self.reason(error))"
                    continue
                }
                let decisions = Array(kept.prefix(count))
                kept = kept.dropFirst(count)
                if let page = dedup.apply(page, keeping: decisions) { left.append(page) } else { last = page }
            }
            result.stepOut[0] += left.count
            aggregate(left, step: 0, &result)
            if left.isEmpty, let failure, last == nil {
                result.failed[failure, default: 0] += 1
            } else if left.isEmpty {
                result.dropped["exact_dedup", default: 0] += 1
                if let last { result.samples.add(last, DropReason("exact_dedup"), place: number << 20 | origin) }
            } else {
                apply(to: left, origin, from: 1, &result)
            }
        }
        return result
    }

    private func decode(_ raw: RawPage) throws(PageFailure) -> Page {
        switch raw {
        case .failure(let reason): throw PageFailure(reason: reason)
        case .line(let bytes):
            guard case .object(let fields)? = try? JSONValue(parsing: bytes) else {
                throw PageFailure(reason: "invalid JSON")
            }
            return Page(fields: fields)
        case .text(let bytes, let fields, let url):
            return page(String(decoding: bytes, as: UTF8.self), Self.object(fields), url)
        case .response(let block, let fields, let url, let file, let offset):
            guard let message = HTTPMessage(block) else { throw PageFailure(reason: "no HTTP message") }
            let body: [UInt8]
            do throws(ArchiveError) {
                body = try message.body(of: block, limit: pageLimit, file: file, offset: offset)
            } catch {
                throw PageFailure(reason: error.reason)
            }
            guard let extractor else { throw PageFailure(reason: "extract: no extractor for HTML") }
            do {
                let contentType = message.fields.first("Content-Type")
                return page(
                    try extractor.text(html: body, contentType: contentType, mode: mode), Self.object(fields), url)
            } catch {
                throw PageFailure(reason: "extract: \(type(of: error))")
            }
        }
    }

    private static func object(_ fields: [RawPage.Field]) -> JSONObject {
        JSONObject(fields.map { ($0.name, .string($0.value)) })
    }

    private func page(_ text: String, _ metadata: JSONObject, _ url: String?) -> Page {
        var page = Page(text: text, url: url)
        page.fields["metadata"] = .object(metadata)
        return page
    }

    /// Applies steps to a page's pieces and notes how the page ends: with pieces, or by the last drop or failure.
    private func apply(to pages: [Page], _ origin: Int, from first: Int, _ result: inout ChunkResult) {
        var current = pages
        var lastDrop: DropReason?
        var lastFailure: String?
        let offset = pass.dedup == nil ? 0 : 1
        for (index, step) in pass.steps.enumerated() {
            var next: [Page] = []
            result.stepIn[index + offset] += current.count
            for var page in current {
                do {
                    // The page before the step is what a sample of a drop shows.
                    let before = page
                    switch try step.apply(to: &page) {
                    case .keep: next.append(page)
                    case .split(let pieces): next += pieces
                    case .drop(let reason):
                        lastDrop = reason
                        lastFailure = nil
                        result.samples.add(before, reason, place: result.number << 20 | origin)
                    }
                } catch {
                    lastFailure = "\(step.name): \(Self.reason(error))"
                }
            }
            result.stepOut[index + offset] += next.count
            aggregate(next, step: index + offset, &result)
            current = next
            if current.isEmpty { break }
        }
        guard current.isEmpty else {
            result.pieces += current.map { Piece(origin: origin, page: $0) }
            return
        }
        if let lastFailure {
            result.failed[lastFailure, default: 0] += 1
        } else {
            // A step that splits a page into nothing drops it.
            result.dropped[lastDrop?.rule ?? "split into nothing", default: 0] += 1
        }
    }

    private func aggregate(_ pages: [Page], step: Int, _ result: inout ChunkResult) {
        for (index, rule) in pass.aggregates[step].enumerated() {
            for page in pages { result.aggregates[step][index].add(rule.value(of: page)) }
        }
    }

    private static func reason(_ error: any Error) -> String {
        switch error as? CurationError {
        case .missingField(_, let key): "no field \(key)"
        case .wrongField(_, let key, _, _): "wrong field \(key)"
        case .fieldExists(_, let key): "field \(key) exists"
        case .noPrediction: "no prediction"
        case .patternTooCostly: "pattern too costly"
        default: "\(type(of: error))"
        }
    }
}

/// Why a page could not be decoded.
struct PageFailure: Error { var reason: String }
