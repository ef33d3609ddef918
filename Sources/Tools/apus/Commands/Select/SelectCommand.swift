import ArgumentParser
import Coresets

/// `apus select`: core-sets of files, of streams, for labels and for training.
struct SelectCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "select", abstract: "Chooses rows that represent the others, differ most, or are worth a label.",
        discussion: """
            `apus select FILE --count K` chooses rows of a file (`apus select rows --help` says more); the other
            subcommands choose from streams, texts and parts, and compare ways to label and to train.

            EXAMPLE: apus select embeddings.npy --objective facility-location --metric exp-distance --count 100
            """,
        subcommands: [
            SelectRowsCommand.self, SelectActiveCommand.self, SelectStreamCommand.self, SelectTrainingCommand.self,
            SelectTextCommand.self, SelectShardsCommand.self,
        ],
        defaultSubcommand: SelectRowsCommand.self)
}

/// The file of features that a subcommand reads, and how it is prepared.
struct FeatureOptions: ParsableArguments {
    @Argument(help: "A file of features, or a folder of images (PNG, JPEG, PGM, PPM).", completion: .file()) var file:
        String
    @Option(help: "Images are cut into this many by this many cells, whose mean grey values are the features.")
    var cells = 16
    @Option(help: "Multiply features by this.") var scale: Double?
    @Flag(help: "Give each column mean 0 and deviation 1.") var standardise = false
    @Option(parsing: .upToNextOption, help: "Columns of a CSV file to leave out, by name or number.") var skip:
        [String] = []
    @Option(help: "Member of JSON lines, or tensor, that holds the features.") var key: String?

    /// - Parameter mayBeEmpty: whether a file without rows is no error.
    func read<Scalar: KernelScalar>(
        as type: Scalar.Type, mayBeEmpty: Bool = false
    ) throws -> FeatureFile.Contents<Scalar> {
        var contents =
            ImageFolder.isFolder(file)
            ? try ImageFolder(file, cells: cells).read(as: Scalar.self)
            : try FeatureFile(file).read(as: Scalar.self, key: key, skipping: skip)
        guard contents.features.rows > 0 || mayBeEmpty else {
            throw CoresetError.malformed(
                file: file, place: "the whole file", reason: "it has no rows, so that nothing can be chosen")
        }
        if let scale {
            guard scale.isFinite, scale > 0 else {
                throw CoresetError.invalidParameter(name: "--scale", value: "\(scale)", expected: "a positive number")
            }
            contents.features = try Matrix(
                rows: contents.features.rows, columns: contents.features.columns,
                storage: contents.features.storage.map { $0 * Scalar(scale) })
        }
        if standardise { contents.features = contents.features.standardised() }
        return contents
    }

    /// Whole numbers from an NPY file, one for each row: classes, groups.
    ///
    /// - Parameter least: the smallest that may be there.
    func integers(of path: String, rows: Int, least: Int = .min) throws -> [Int] {
        let values = try NumPyFile(contentsOf: path).integers()
        guard values.count == rows else {
            throw CoresetError.malformed(
                file: path, place: "the shape",
                reason: "\(values.count) numbers for the \(rows) rows of \(file); give one for each row")
        }
        if let bad = values.firstIndex(where: { $0 < least }) {
            throw CoresetError.malformed(
                file: path, place: "element \(bad)", reason: "\(values[bad]) is no class; number them from \(least)")
        }
        return values
    }

    /// Names of the rows, where the file is a folder of images.
    func names() throws -> [String]? {
        ImageFolder.isFolder(file) ? try ImageFolder(file, cells: cells).names : nil
    }
}
