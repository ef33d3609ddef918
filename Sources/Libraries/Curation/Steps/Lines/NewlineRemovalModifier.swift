/// `newline_removal_modifier`: long runs of line feeds are cut.
struct NewlineRemovalModifier: RecipeStep {
    static let description = StepDescription(
        "newline_removal_modifier", "Shortens runs of line feeds.",
        [.init("max_consecutive", "a whole number", "2", "the longest run kept")])

    private let maximum: Int

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.integer("max_consecutive", default: 2)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var output: [UInt8] = []
        var pending = 0
        var position = 0
        while position < bytes.count {
            guard bytes[position] == 0x0A else {
                position += 1
                continue
            }
            let start = position
            while position < bytes.count, bytes[position] == 0x0A { position += 1 }
            if position - start > maximum {
                output.append(bytes, pending..<start + maximum)
                pending = position
            }
        }
        guard pending > 0 else { return .keep }
        output.append(bytes, pending..<bytes.count)
        page.text = String(decoding: output, as: UTF8.self)
        return .keep
    }
}
