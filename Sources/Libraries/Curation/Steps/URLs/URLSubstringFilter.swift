import JSON
import UnicodeText

/// `url_substring_filter`: pages at banned addresses are dropped.
struct URLSubstringFilter: RecipeStep {
    static let description = StepDescription(
        "url_substring_filter", "Drops pages whose address holds banned strings, or whose host is listed.",
        [
            .init("banlist", "a string or a list of strings", "none", "the strings or hosts"),
            .init("banlist_from_fname", "a file name", "none", "a file with one on each line, instead of banlist"),
            .init("ignore_chars", "a list of strings", "none", "strings deleted from the address first"),
            .init("num_banned_substrs", "a whole number", "1", "how many different ones must be found"),
            .init("exact_domain_match", "true or false", "false", "compare the host with the list"),
            .init("match_substrings", "true or false", "true", "false: only between word boundaries"),
            .init("case_sensitive", "true or false", "false", "whether case counts"),
            .init(
                "strict", "true or false", "true",
                "as the reference; false: with exact_domain_match, port and user are ignored and subdomains match"),
        ])

    private enum Matcher: Sendable {
        case hosts(Set<[UInt8]>, withSubdomains: Bool)
        case substrings(LiteralSet, foldsCase: Bool, wholeWords: Bool, minimum: Int)
    }

    private let matcher: Matcher
    private let ignored: [[UInt8]]
    private let isCaseSensitive: Bool
    private let text = PythonRules.text
    private let lower = PythonRules.lower

    init(_ parameters: StepParameters) throws(CurationError) {
        isCaseSensitive = try parameters.bool("case_sensitive", default: false)
        var items = try parameters.banlist()
        if !isCaseSensitive { items = items.map { PythonRules.lower($0) } }
        ignored = (try parameters.strings("ignore_chars") ?? []).filter { !$0.isEmpty }.map { Array($0.utf8) }
        if try parameters.bool("exact_domain_match", default: false) {
            let strict = try parameters.bool("strict", default: true)
            matcher = .hosts(Set(items.map { Array($0.utf8) }), withSubdomains: !strict)
        } else {
            let fold = !isCaseSensitive
            matcher = .substrings(
                LiteralSet(items.map { fold ? Self.fold(Array($0.utf8)) : Array($0.utf8) }), foldsCase: fold,
                wholeWords: !(try parameters.bool("match_substrings", default: true)),
                minimum: try parameters.integer("num_banned_substrs", default: 1))
        }
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let value = page.fields["url"] else { throw CurationError.missingField(step: name, key: "url") }
        guard let address = value.stringValue else {
            throw CurationError.wrongField(step: name, key: "url", expected: "a string", found: value.kind)
        }
        switch matcher {
        case .hosts(let hosts, let withSubdomains):
            let host = cleaned(URLAuthority.of(address))
            if hosts.contains(host) { return drop() }
            guard withSubdomains else { return .keep }
            return Self.parents(of: host).contains { hosts.contains($0) } ? drop() : .keep
        case .substrings(let literals, let foldsCase, let wholeWords, let minimum):
            let found = count(literals, in: cleaned(Array(address.utf8)), foldsCase, wholeWords)
            return found >= minimum ? drop(Double(found), limit: Double(minimum)) : .keep
        }
    }

    /// The address in lower case, unless case counts, without the ignored strings.
    private func cleaned(_ address: [UInt8]) -> [UInt8] {
        var bytes = isCaseSensitive ? address : lower(address.span, 0..<address.count)
        for string in ignored { bytes = bytes.removing(string) }
        return bytes
    }

    /// Different strings found, from left to right, the longest first, without overlaps.
    private func count(_ literals: LiteralSet, in address: [UInt8], _ foldsCase: Bool, _ wholeWords: Bool) -> Int {
        let bytes = foldsCase ? Self.fold(address) : address
        let span = bytes.span
        let all = 0..<bytes.count
        var found: Set<[UInt8]> = []
        var position = 0
        while position <= bytes.count {
            let starts = !wholeWords || text.isBoundary(span, all, at: position)
            if starts,
                let match = literals.longest(
                    span, all, at: position, { !wholeWords || text.isBoundary(span, all, at: $0) })
            {
                found.insert(Array(bytes[position..<match.end]))
                position = match.end
                continue
            }
            // An empty item, such as a blank line in the file, matches nothing everywhere: that counts as one.
            if starts, literals.holdsEmpty { found.insert([]) }
            position += position < bytes.count ? span.scalar(at: position).length : 1
        }
        return found.count
    }

    private static func fold(_ bytes: [UInt8]) -> [UInt8] {
        var folded: [UInt8] = []
        folded.reserveCapacity(bytes.count)
        let span = bytes.span
        var position = 0
        while position < bytes.count {
            let scalar = span.scalar(at: position)
            folded.appendScalar(CaseFold.fold(scalar.value))
            position += scalar.length
        }
        return folded
    }

    /// Without user, port and a leading `www.`: the host, and the domains above it.
    private static func parents(of authority: [UInt8]) -> [[UInt8]] {
        var host = authority[...]
        if let at = host.lastIndex(of: 0x40) { host = host[(at + 1)...] }
        if let colon = host.lastIndex(of: 0x3A), host[(colon + 1)...].allSatisfy({ 0x30...0x39 ~= $0 }) {
            host = host[..<colon]
        }
        var names: [[UInt8]] = [Array(host)]
        while let dot = host.firstIndex(of: 0x2E) {
            host = host[(dot + 1)...]
            if !host.isEmpty { names.append(Array(host)) }
        }
        return names
    }
}

/// The part of an address between `//` and the path (`urlparse(…).netloc`): user, host and port.
enum URLAuthority {
    static func of(_ address: String) -> [UInt8] {
        // As Python does: control characters and spaces before the address don't count, tabs and line ends nowhere.
        var bytes = Array(address.utf8.drop { $0 <= 0x20 })
        bytes.removeAll { $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        var start = 0
        if let colon = bytes.firstIndex(of: 0x3A), colon > 0, isScheme(bytes[..<colon]) { start = colon + 1 }
        guard bytes[start...].starts(with: [0x2F, 0x2F]) else { return [] }
        let rest = bytes[(start + 2)...]
        let end = rest.firstIndex { $0 == 0x2F || $0 == 0x3F || $0 == 0x23 } ?? rest.endIndex
        return Array(rest[..<end])
    }

    private static func isScheme(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, 0x61...0x7A ~= first | 0x20 else { return false }
        return bytes.allSatisfy {
            0x61...0x7A ~= $0 | 0x20 || 0x30...0x39 ~= $0 || $0 == 0x2B || $0 == 0x2D || $0 == 0x2E
        }
    }
}

extension [UInt8] {
    /// The bytes without a string, wherever it stands, from left to right. The string isn't empty.
    func removing(_ string: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(count)
        var position = 0
        while position < count {
            if self.span.starts(with: string, at: position) {
                position += string.count
            } else {
                output.append(self[position])
                position += 1
            }
        }
        return output
    }
}
