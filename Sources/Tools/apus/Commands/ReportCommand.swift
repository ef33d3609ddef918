import ArgumentParser
import Experiments
import Files
import Foundation

/// `apus report`: the page of a result.
struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Writes the report of an experiment's result.json as one HTML file.",
        discussion: "EXAMPLE: apus report demo/result.json --out report.html")

    @Argument(help: "result.json of an experiment.", completion: .file(extensions: ["json"])) var file: String
    @Option(help: "The file to write; standard output without it.") var out: String?

    func run() throws {
        let result: ExperimentResult
        do {
            result = try JSONDecoder().decode(ExperimentResult.self, from: Data(FileReader.bytes(of: file)))
        } catch let error as DecodingError {
            throw ExperimentError.notAResult(file: file, reason: error.reason)
        }
        let html = Report(result).html
        if let out { try AtomicFile.write(html, to: out) } else { print(html) }
    }
}

extension DecodingError {
    /// The place and the reason, in a line.
    fileprivate var reason: String {
        func place(_ context: Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
        switch self {
        case .keyNotFound(let key, let context):
            return
                "the key \((context.codingPath.map(\.stringValue) + [key.stringValue]).joined(separator: ".")) is missing"
        case .typeMismatch(_, let context), .valueNotFound(_, let context):
            return "\(place(context)) has the wrong type"
        case .dataCorrupted(let context):
            return context.codingPath.isEmpty ? "it is not JSON" : "\(place(context)) is damaged"
        @unknown default: return "it cannot be decoded"
        }
    }
}
