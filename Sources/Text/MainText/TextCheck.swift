extension MainTextExtractor {
    /// Bytes by whose start what is no text is told.
    private static let lookedAt = 4096

    /// Tells pictures, archives and other files that are no text: more than one character in fifty of their beginning is a
    /// control character. `extract` does not ask, as a browser does not.
    ///
    /// - Throws: `MainTextError.notText`.
    public static func checkIsText(_ bytes: [UInt8], contentType: String? = nil) throws(MainTextError) {
        let start = DecodedPage(Array(bytes.prefix(lookedAt)), contentType: contentType).bytes
        let controls = start.count { $0 < 9 || 14...26 ~= $0 || 28...31 ~= $0 }
        guard controls * 50 <= start.count else {
            throw .notText(controls: controls, bytes: min(bytes.count, lookedAt))
        }
    }
}
