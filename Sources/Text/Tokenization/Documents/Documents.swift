import Files

/// Goes through the lines of several files.
enum Documents {
    static func forEach(
        in inputs: [String], _ cancellation: BackgroundThread.Cancellation, _ progress: (DocumentProgress) -> Void,
        _ body: (DocumentReader.Line) throws -> Void, endOfInput: () throws -> Void = {}
    ) throws {
        // A missing file is told before the others are worked through.
        for input in inputs { _ = try FileReader(input) }
        var state = DocumentProgress(documents: 0, bytes: 0, totalBytes: DocumentReader.size(inputs))
        var before = 0
        for input in inputs {
            let reader = try DocumentReader(input)
            while let line = try reader.next() {
                try body(line)
                state.documents += 1
                guard state.documents % 64 == 0 else { continue }
                try cancellation.check()
                state.bytes = before + reader.offset
                progress(state)
            }
            before += reader.offset
            state.bytes = before
            try endOfInput()
            try cancellation.check()
            progress(state)
        }
    }
}
