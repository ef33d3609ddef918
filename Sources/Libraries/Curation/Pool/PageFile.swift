/// What the name of an HTML file tells.
package enum PageFile {
    /// Whether a name is that of an HTML page, plain or packed.
    ///
    /// - Parameter packings: endings that may follow, with their dots.
    package static func isPage(_ name: String, packedAs packings: [String]) -> Bool {
        let plain = unpacked(name.lowercased(), packings)
        return [".html", ".htm", ".xhtml"].contains { plain.hasSuffix($0) }
    }

    /// The name without the ending that says how the file is packed.
    package static func unpacked(_ name: String, _ packings: [String]) -> String {
        packings.first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) } ?? name
    }
}
