import HTML

/// A page as `Scripts/train-main-text` needs it: the features and the text of each block.
package struct TrainingPage {
    /// One row of `featureNames.count` bytes a block.
    package var rows: [UInt8]
    package var texts: [[UInt8]]

    package static var featureNames: [String] { BlockFeatures.names }

    package init(_ document: Document) {
        var page = PageBlocks()
        BlockBuilder.build(document, for: .mainText, into: &page)
        let features = BlockFeatures(page)
        var rows = [UInt8](repeating: 0, count: BlockFeatures.count * page.blocks.count)
        rows.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for index in page.blocks.indices { features.write(index, to: base + index * BlockFeatures.count) }
        }
        self.rows = rows
        texts = page.blocks.map { Array(page.text[$0.range]) }
    }
}
