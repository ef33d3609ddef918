import Files
import UnicodeText

/// `url_removal_modifier`: addresses in the text go.
///
/// What the reference's two regular expressions match, found from the dots: a dot with a top-level domain behind it, and
/// then whatever reaches it from before.
struct URLRemovalModifier: RecipeStep {
    static let description = StepDescription(
        "url_removal_modifier", "Deletes host and IPv4 addresses from the text, with scheme, path and space before.",
        [
            .init(
                "tlds_filepath", "a file name", PublicSuffixes.file,
                "top-level domains, one a line; a public suffix list where none is given"),
            .init(
                "strict", "true or false", "true",
                "as the reference, which looks for hosts only in texts that begin with a top-level domain's letters"),
        ])

    private let domains: LiteralSet
    private let gate: LiteralSet
    private let isStrict: Bool
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        isStrict = try parameters.bool("strict", default: true)
        let given = try parameters.lines(ofFile: "tlds_filepath")
        let items = if let given { given } else { try PublicSuffixes.topLevel(for: parameters.step) }
        // The reference escapes the domains twice, so that one with a hyphen is looked for with a backslash in it.
        let names = items.map { Array($0.utf8).escaped }
        domains = LiteralSet(isStrict ? names : items.map { Array($0.utf8) })
        gate = LiteralSet(names.map { name in Array(PythonRules.lower(String(decoding: name, as: UTF8.self)).utf8) })
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        var output: [UInt8]?
        if !isStrict || passesGate(content.utf8.span) { output = withoutHosts(content.utf8.span) }
        if let hosts = output {
            output = withoutIPv4(hosts.span) ?? hosts
        } else {
            output = withoutIPv4(content.utf8.span)
        }
        if let output { return page.replaceText(output, for: name) }
        return content.isEmpty ? drop() : .keep
    }

    /// Whether the text begins with a top-level domain, in any case.
    private func passesGate(_ bytes: Span<UInt8>) -> Bool {
        if gate.holdsEmpty { return true }
        var start: [UInt8] = []
        var position = 0
        while position < bytes.count, start.count < 128 {
            let scalar = bytes.scalar(at: position)
            start.appendScalar(CaseFold.fold(scalar.value))
            position += scalar.length
        }
        return gate.matches(start.span, 0..<start.count, at: 0) { _ in true }
    }

    // MARK: Hosts

    private static let longestBody = 256

    private func withoutHosts(_ bytes: Span<UInt8>) -> [UInt8]? {
        let all = 0..<bytes.count
        var output: [UInt8]?
        var done = 0
        var position = 1
        while position < bytes.count {
            guard bytes[position] == 0x2E, position > done, URLBytes.isBody(bytes[position - 1]),
                domainEnd(bytes, all, after: position) != nil
            else {
                position += 1
                continue
            }
            // The body reaches back over its characters, the match over a scheme and white space before it.
            var start = position
            while start > done, position - start < Self.longestBody, URLBytes.isBody(bytes[start - 1]) { start -= 1 }
            let body = start
            start = URLBytes.schemeStart(bytes, before: start, notBefore: done) ?? start
            start = spaceStart(bytes, before: start, notBefore: done)
            // Greedy: the body's last dot that a domain follows ends it.
            var last = position
            var dot = position + 1
            while dot < bytes.count, dot - body <= Self.longestBody, URLBytes.isBody(bytes[dot]) {
                if bytes[dot] == 0x2E, domainEnd(bytes, all, after: dot) != nil { last = dot }
                dot += 1
            }
            guard var end = domainEnd(bytes, all, after: last) else { break }
            while end < bytes.count, URLBytes.isPath(bytes[end]) { end += 1 }
            if output == nil {
                output = []
                output?.reserveCapacity(bytes.count)
            }
            output?.append(bytes, done..<start)
            done = end
            position = max(end, 1)
        }
        guard output != nil else { return nil }
        output?.append(bytes, done..<bytes.count)
        return output
    }

    /// Where the longest top-level domain after a dot ends at a word boundary.
    @inline(__always)
    private func domainEnd(_ bytes: Span<UInt8>, _ all: Range<Int>, after dot: Int) -> Int? {
        domains.longest(bytes, all, at: dot + 1) { text.isBoundary(bytes, all, at: $0) }?.end
    }

    /// The start of up to ten white spaces before a byte.
    private func spaceStart(_ bytes: Span<UInt8>, before end: Int, notBefore limit: Int) -> Int {
        var start = end
        for _ in 0..<10 {
            guard start > limit else { break }
            let scalar = bytes.scalar(before: start)
            guard text.isSpace(scalar.value), start - scalar.length >= limit else { break }
            start -= scalar.length
        }
        return start
    }

    // MARK: IPv4

    private func withoutIPv4(_ bytes: Span<UInt8>) -> [UInt8]? {
        let all = 0..<bytes.count
        var output: [UInt8]?
        var done = 0
        var position = 0
        while position < bytes.count {
            guard 0x30...0x39 ~= bytes[position], position == done || !(0x30...0x39 ~= bytes[position - 1]),
                let end = ipv4End(bytes, from: position)
            else {
                position += 1
                continue
            }
            var start = position
            let scheme = URLBytes.schemeStart(bytes, before: position, notBefore: done)
            if let scheme, text.isBoundary(bytes, all, at: scheme) {
                start = scheme
            } else if !text.isBoundary(bytes, all, at: position) {
                position += 1
                continue
            }
            start = spaceStart(bytes, before: start, notBefore: done)
            var pathEnd = end
            while pathEnd < bytes.count, URLBytes.isPath(bytes[pathEnd]) { pathEnd += 1 }
            if output == nil { output = [] }
            output?.append(bytes, done..<start)
            done = pathEnd
            position = pathEnd
        }
        guard output != nil else { return nil }
        output?.append(bytes, done..<bytes.count)
        return output
    }

    /// Four numbers of one to three digits, a third digit only after 0, 1 or 2, with dots between.
    private func ipv4End(_ bytes: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        for part in 0..<4 {
            let first = position
            while position < bytes.count, position - first < 3, 0x30...0x39 ~= bytes[position] { position += 1 }
            if position - first == 3, bytes[first] > 0x32 { position -= 1 }
            guard position > first else { return nil }
            if part < 3 {
                guard position < bytes.count, bytes[position] == 0x2E else { return nil }
                position += 1
            }
        }
        return position
    }
}

/// Which bytes stand in addresses.
private enum URLBytes {
    /// `[-a-zA-Z0-9@:%._+~#=]`
    @inline(__always)
    static func isBody(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x61...0x7A, 0x41...0x5A, 0x30...0x3A, 0x2D, 0x2E, 0x40, 0x25, 0x5F, 0x2B, 0x7E, 0x23, 0x3D: byte != 0x2F
        default: false
        }
    }

    /// `[-a-zA-Z0-9()@:%_+.~#?&/=]`
    @inline(__always)
    static func isPath(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x29, 0x3F, 0x26, 0x2F: true
        default: isBody(byte)
        }
    }

    private static let schemes = ["https://", "http://", "ftp://"].map { Array($0.utf8) }

    /// The start of `http://`, `https://` or `ftp://` that ends at a byte.
    static func schemeStart(_ bytes: Span<UInt8>, before end: Int, notBefore limit: Int) -> Int? {
        guard end - limit >= 6, bytes[end - 1] == 0x2F else { return nil }
        for scheme in schemes where end - scheme.count >= limit && bytes.starts(with: scheme, at: end - scheme.count) {
            return end - scheme.count
        }
        return nil
    }
}

/// The distribution's list of public suffixes, from which the top-level domains are read where a recipe gives none.
enum PublicSuffixes {
    static let file = "/usr/share/publicsuffix/public_suffix_list.dat"

    static func topLevel(for step: String) throws(CurationError) -> [String] {
        let bytes: [UInt8]
        do {
            bytes = try FileReader.bytes(of: file)
        } catch {
            throw .unreadableFile(
                step: step, key: "tlds_filepath", path: file,
                reason: "\(error) Install the package publicsuffix, or give a file of top-level domains")
        }
        return rules(bytes)
    }

    private static func rules(_ bytes: [UInt8]) -> [String] {
        let span = bytes.span
        var names: [String] = []
        for line in PythonRules.text.splitLines(span, 0..<span.count) {
            let rule = String(span, PythonRules.text.strip(span, line))
            // Comments start with `//`, exceptions with `!`, wildcards with `*.`; a rule without a dot is top-level.
            if rule.isEmpty || rule.hasPrefix("//") || rule.contains(".") || rule.contains("!") { continue }
            names.append(rule)
        }
        return names
    }
}

extension [UInt8] {
    /// With a backslash before what Python's `re.escape` puts one before; scalars beyond ASCII stay.
    var escaped: [UInt8] {
        var output: [UInt8] = []
        for byte in self {
            switch byte {
            case 0x09...0x0D, 0x20, 0x23, 0x24, 0x26, 0x28...0x2B, 0x2D, 0x2E, 0x3F, 0x5B...0x5E, 0x7B...0x7E:
                output.append(0x5C)
            default: break
            }
            output.append(byte)
        }
        return output
    }
}
