import Files
import Glibc
import HTML
import MainText
import Testing

/// Writes what `Scripts/train-main-text` learns from; runs only when that asks for it.
@Suite("Training data of the main text's models") struct TrainingDataTests {
    static let target = getenv("APUS_TRAINING_DATA").map { String(cString: $0) }

    @Test("features are written for all pages", .enabled(if: target != nil, "APUS_TRAINING_DATA names no file"))
    func write() throws {
        let target = try #require(Self.target)
        var output: [UInt8] = []
        func append(_ number: Int) { withUnsafeBytes(of: UInt32(number).littleEndian) { output += Array($0) } }
        func append(_ bytes: [UInt8]) {
            append(bytes.count)
            output += bytes
        }
        append(Array(TrainingPage.featureNames.joined(separator: "\n").utf8))
        for page in SharedPage.all {
            let data = TrainingPage(try Document(parsing: DecodedPage(try page.html()).bytes))
            append(Array(page.id.utf8))
            append(data.texts.count)
            append(data.rows)
            for text in data.texts { append(text) }
        }
        try AtomicFile.write(output, to: target)
        #expect(!output.isEmpty)
    }
}
