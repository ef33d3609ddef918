import Apus
import Files
import Foundation
import JSON

/// What a step left: where it is, what it reports, and the address under which it is found again.
package struct Finished<Product: Codable & Sendable>: Codable, Sendable {
    /// Identifies the content: two steps of equal digests have equal outputs.
    package var digest: String
    /// The step's folder.
    package var folder: String
    package var product: Product
    package var record: StepResult
}

/// Where a step works and reports; decides nothing about its output.
package struct StepSite: Codable, Sendable {
    /// The step's name in the report and of its folder.
    var name: String
    /// The experiment's output folder.
    var output: String
    /// Where progress goes; nil where nobody looks.
    var board: ProgressBoard.ID?

    package init(name: String, output: String, board: ProgressBoard.ID?) {
        self.name = name
        self.output = output
        self.board = board
    }

    func post(_ done: Int, of total: Int? = nil, _ unit: String, note: String = "") {
        guard let board else { return }
        ProgressBoard.post(.init(step: name, done: done, total: total, unit: unit, note: note), on: board)
    }
}

/// A step of an experiment: a task whose output lies in a folder and is found again by what went into it.
///
/// A step's inputs are the `Finished` outputs of the steps before it. When it runs it works out its address from its kind,
/// version, parameters and the digests of its inputs; a folder finished under that address is used as it is.
package protocol ExperimentStep: RemoteTask where Output == Finished<Product> {
    associatedtype Product: Codable & Sendable

    /// The step's kind, with the version of what it does: a change of either makes old outputs unfit.
    static var kind: String { get }
    var site: StepSite { get }
    /// Everything beside the inputs that decides the output.
    func parameters() throws -> JSONValue
    /// The digests of the inputs.
    var inputDigests: [String] { get }

    /// Makes the output in `folder`, which may hold what an interrupted attempt at the same address left.
    func perform(in folder: String) async throws -> Product
    /// Identifies the output; the step's address where nothing better is known.
    func digest(of product: Product, address: String) -> String
    /// Whether an output that was finished once is still whole.
    func isWhole(_ product: Product, in folder: String) -> Bool
}

extension ExperimentStep {
    package func digest(of product: Product, address: String) -> String { address }
    package func isWhole(_ product: Product, in folder: String) -> Bool { true }

    package func run() async throws -> Finished<Product> {
        let store = StepStore(folder: site.output)
        let address = StepStore.key(kind: Self.kind, parameters: try parameters(), inputs: inputDigests)
        let folder = store.path(of: site.name, address)
        if let (value, seconds) = try store.finished(site.name, address) {
            guard let product = try? JSONDecoder().decode(Product.self, from: Data(value.text().utf8)) else {
                throw ExperimentError.damagedStep(path: folder, reason: "step.json is damaged")
            }
            if isWhole(product, in: folder) {
                return finished(product, address, folder, seconds: seconds, isReused: true)
            }
        }
        try Folder.create(folder)
        let start = ContinuousClock.now
        let product = try await perform(in: folder)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let value = try JSONValue(parsing: [UInt8](try encoder.encode(product)))
        try store.finish(site.name, address, product: value, seconds: seconds)
        return finished(product, address, folder, seconds: seconds, isReused: false)
    }

    private func finished(
        _ product: Product, _ address: String, _ folder: String, seconds: Double, isReused: Bool
    ) -> Finished<Product> {
        Finished(
            digest: digest(of: product, address: address), folder: folder, product: product,
            record: StepResult(name: site.name, key: address, seconds: seconds, reused: isReused))
    }
}
