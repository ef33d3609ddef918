import Files
import Foundation
import JSON
import MainText
import Testing

@Suite("Boosted trees") struct BoostedTreesTests {
    /// `Scripts/train-main-text` writes rows of pages with what LightGBM predicts for them.
    @Test("give the likelihoods that LightGBM gives", arguments: ["fast", "precise"])
    func golden(_ name: String) throws {
        let trees = name == "fast" ? BoostedTrees.fast : .precise
        let file = "\(Shared.repository)/Tests/Golden/main-text/\(name).json"
        let golden = try JSONValue(parsing: try FileReader.bytes(of: file))
        let rows = try #require(golden["rows"]?.arrayValue)
        let likelihoods = try #require(golden["likelihoods"]?.arrayValue)
        try #require(rows.count == 200 && likelihoods.count == 200)
        var bytes: [UInt8] = []
        for row in rows {
            let features = [UInt8](try #require(Data(base64Encoded: row.stringValue ?? "")))
            try #require(features.count == TrainingPage.featureNames.count)
            // What follows a row's features must not matter.
            bytes += features + [UInt8](repeating: 77, count: BoostedTrees.stride - features.count)
        }
        let padded = (rows.count + BoostedTrees.width - 1) / BoostedTrees.width * BoostedTrees.width
        bytes += [UInt8](repeating: 99, count: padded * BoostedTrees.stride - bytes.count)
        var found = [Float](repeating: 0, count: padded)
        for start in stride(from: 0, to: rows.count, by: BoostedTrees.width) {
            bytes.withUnsafeBufferPointer { bytes in
                found.withUnsafeMutableBufferPointer { found in
                    guard let base = bytes.baseAddress, let target = found.baseAddress else { return }
                    trees.likelihoods(base + start * BoostedTrees.stride, into: target + start)
                }
            }
        }
        var worst: Float = 0
        for (found, expected) in zip(found, likelihoods) {
            worst = max(worst, abs(found - Float(try #require(expected.doubleValue))))
        }
        print("boosted trees: \(name): off by \(worst) at most in 200 rows")
        // Leaves are kept in 4096ths.
        #expect(worst < 0.003)
    }
}
