import JSON
import WebArchives

/// `exact_dedup`: of units with the same (normalised) content, one stays.
///
/// A unit is the value of `content_key`, or each element where that is a list. The one that stays has the smallest
/// selection value; of equal ones, and without `selection_key`, the first by file, line and place in the list, whatever
/// the parallelism. Pages left without a unit end.
public struct ExactDedup: Sendable {
    static let description = StepDescription(
        "exact_dedup", "Keeps one of equal units: of a field's value, or of the elements of a list.",
        [
            .init("content_key", "a string", "text", "the field compared"),
            .init("normalize", Normaliser.kinds, "none", "how contents are made comparable"),
            .init("selection_key", "a string", "none", "the field that decides which one stays"),
            .init("selection_normalize", Normaliser.kinds, "none", "how selection values are made comparable"),
            .init("keep", "smallest or largest", "smallest", "which selection value stays"),
        ])

    let contentKey: String
    let normaliser: Normaliser?
    let selectionKey: String?
    let selectionNormaliser: Normaliser?
    let keepsLargest: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        func text(_ key: String) throws(CurationError) -> String? {
            guard let value = parameters[key] else { return nil }
            guard let text = value.stringValue else { throw parameters.wrong(key, "a string", value) }
            return text
        }
        func normaliser(_ key: String) throws(CurationError) -> Normaliser? {
            guard let name = try text(key), name != "none" else { return nil }
            guard let found = try Normaliser(named: name) else {
                throw parameters.wrong(key, Normaliser.kinds, .string(name))
            }
            return found
        }
        contentKey = try text("content_key") ?? "text"
        self.normaliser = try normaliser("normalize")
        selectionKey = try text("selection_key")
        selectionNormaliser = try normaliser("selection_normalize")
        let keep = try text("keep") ?? "smallest"
        guard keep == "smallest" || keep == "largest" else {
            throw parameters.wrong("keep", "smallest or largest", .string(keep))
        }
        keepsLargest = keep == "largest"
    }

    /// One unit as the index keeps it.
    package struct Unit: Hashable, Sendable {
        /// MD5 of the content, as two words.
        package var high: UInt64
        package var low: UInt64
        /// The selection value; empty where there is none.
        package var selection: [UInt8]

        package init(high: UInt64, low: UInt64, selection: [UInt8]) {
            self.high = high
            self.low = low
            self.selection = selection
        }
    }

    /// The units of a page, in order.
    func units(of page: Page) throws(CurationError) -> [Unit] {
        let contents = try contents(of: page)
        let selection =
            selectionKey.flatMap { page.fields[$0] }.map { value -> [UInt8] in
                let text = value.stringValue ?? value.text()
                return selectionNormaliser?.bytes(text) ?? Array(text.utf8)
            } ?? []
        return contents.map { unit($0, selection) }
    }

    /// The texts that are compared, one a unit.
    ///
    /// - Throws: where the page lacks what the step needs.
    func contents(of page: Page) throws(CurationError) -> [String] {
        if let selectionKey, page.fields[selectionKey] == nil {
            throw CurationError.missingField(step: "exact_dedup", key: selectionKey)
        }
        switch page.fields[contentKey] {
        case .string(let text): return [text]
        case .array(let elements):
            return try elements.map { element throws(CurationError) in
                guard let text = element.stringValue else {
                    throw CurationError.wrongField(
                        step: "exact_dedup", key: contentKey, expected: "a list of strings",
                        found: "a list with \(element.kind)")
                }
                return text
            }
        case nil: throw CurationError.missingField(step: "exact_dedup", key: contentKey)
        case let other?:
            throw CurationError.wrongField(
                step: "exact_dedup", key: contentKey, expected: "a string or a list of strings", found: other.kind)
        }
    }

    private func unit(_ text: String, _ selection: [UInt8]) -> Unit {
        let digest = MD5.digest(of: normaliser?.bytes(text) ?? Array(text.utf8))
        return digest.withUnsafeBytes {
            Unit(
                high: $0.loadUnaligned(as: UInt64.self).bigEndian,
                low: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self).bigEndian, selection: selection)
        }
    }

    /// Removes the units that lose; nil where none is left.
    func apply(_ page: Page, keeping kept: [Bool]) -> Page? {
        guard case .array(let elements)? = page.fields[contentKey] else { return kept.first == true ? page : nil }
        var page = page
        let left = zip(elements, kept).filter(\.1).map(\.0)
        guard !left.isEmpty else { return nil }
        page.fields[contentKey] = .array(left)
        return page
    }
}
