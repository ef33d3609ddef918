/// A stretch of a long sequence that a model sees at once, and the targets in it that count.
package struct ScoringWindow: Hashable, Sendable {
    /// The first input.
    package var start: Int
    /// Inputs; the targets are one further on.
    package var length: Int
    /// The first target that counts; those before it counted in an earlier window, with no less context.
    package var firstTarget: Int

    /// Windows in which each target counts exactly once.
    ///
    /// Each window goes on by `stride`; the last is moved back to end with the sequence, so that its targets have all the
    /// context there is. Every target behind the first window has at least `context` − `stride` tokens before it.
    ///
    /// - Parameters:
    ///   - tokens: of the sequence; its targets are 1 ..< tokens.
    ///   - context: inputs that a model takes.
    ///   - stride: 1 … context.
    package static func cover(tokens: Int, context: Int, stride: Int) -> [ScoringWindow] {
        precondition(context >= 1 && (1...context).contains(stride), "a stride of 1 to the context")
        var windows: [ScoringWindow] = []
        var scored = 0
        var start = 0
        while scored < tokens - 1 {
            let length = min(context, tokens - 1)
            start = min(start, tokens - 1 - length)
            windows.append(ScoringWindow(start: start, length: length, firstTarget: scored + 1))
            scored = start + length
            start += stride
        }
        return windows
    }
}
