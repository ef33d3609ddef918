/// What the classifier knows of a block: bytes that grow with the thing they measure.
///
/// Lengths are on a scale of four steps to the doubling, shares in 64ths, distances in the tree end at 15.
struct BlockFeatures {
    static let names: [String] = {
        var names = [
            "length", "words", "linkShare", "links", "sentences", "commas", "digitShare", "capitalShare", "separators",
            "end",
            "start", "kind", "wordLength", "emphasis", "lineBreaks", "titleShare", "titleCovered", "copies", "year",
            "inLink", "preformatted", "listDepth", "ownHints", "cookies", "cookiesAround",
        ]
        for at in [-3, -2, -1, 1, 2, 3] {
            for name in ["length", "linkShare", "kind", "sentences", "end"] { names.append("\(name)[\(at)]") }
        }
        names += [
            "proseBefore", "proseAfter", "linksBefore", "linksAfter", "levelsFromPrevious", "levelsToNext",
            "headingDistance", "headingKind", "headingProse", "place", "placeInText", "index", "indexFromEnd",
            "fromTitle",
            "hasTitle", "inTrunk", "besideTrunk", "trunkShare", "inBest", "bestShare", "bestProse", "ownScore",
            "parentScore", "depth", "depthBelowBest", "run^0", "run^1", "run^2", "run^3",
        ]
        for level in 0..<4 {
            for name in ["length", "linkShare", "prose", "blocks", "blockLength", "children", "share", "kind"] {
                names.append("\(name)^\(level)")
            }
        }
        names += [
            "pageLength", "pageLinkShare", "pageBlocks", "pageProse", "longestBlock", "articleShare", "mainShare",
            "articleData", "productData", "forumData", "listData",
        ]
        for hint in ClassHint.allCases { names.append("hint.\(hint)") }
        for kind in AncestorKind.allCases { names.append("in.\(kind)") }
        return names
    }()

    static let count = names.count

    /// The few of a block's own features that its neighbours see as well.
    private struct Summary {
        var length: UInt8 = 0
        var linkShare: UInt8 = 0
        var kind: UInt8 = 0
        var sentences: UInt8 = 0
        var end: UInt8 = 0
    }

    private let page: PageBlocks
    private let title: Int?
    private let best: Int
    private let trunk: Int
    private var summaries: [Summary] = []
    private var copies: [UInt8] = []
    private var proseBefore: [UInt32] = [0]
    private var linksBefore: [UInt32] = [0]
    private var lengthBefore: [UInt32] = [0]
    private var cookiesBefore: [UInt32] = [0]
    private var headings: [Int32] = []
    private var longest: UInt32 = 0
    private var articleProse: UInt32 = 0
    private var mainProse: UInt32 = 0
    private let maximumScore: Float
    private let scores: [Float]

    init(_ page: PageBlocks) {
        self.page = page
        let trunkAndBest = Self.containers(page)
        trunk = trunkAndBest.trunk
        best = trunkAndBest.best
        scores = trunkAndBest.scores
        maximumScore = max(1, scores[best])
        title = Self.titleBlock(page)
        summarise()
    }

    private mutating func summarise() {
        let count = page.blocks.count
        summaries.reserveCapacity(count)
        headings.reserveCapacity(count)
        var seen: [UInt64: UInt8] = [:]
        seen.reserveCapacity(count)
        var heading: Int32 = -1
        page.text.withUnsafeBufferPointer { text in
            for (index, block) in page.blocks.enumerated() {
                let counts = block.counts
                summaries.append(
                    Summary(
                        length: Scale.length(counts.characters),
                        linkShare: Scale.share(counts.linkCharacters, counts.characters),
                        kind: block.kind.rawValue, sentences: Scale.length(counts.sentences),
                        end: Self.end(text[block.range])))
                seen[block.hash, default: 0] = min(seen[block.hash, default: 0] + 1, 8)
                headings.append(heading)
                if block.kind.rawValue >= BlockKind.h6.rawValue { heading = Int32(index) }
                let prose = block.isProse ? counts.characters : 0
                proseBefore.append(proseBefore[index] &+ prose)
                linksBefore.append(linksBefore[index] &+ counts.linkCharacters)
                lengthBefore.append(lengthBefore[index] &+ counts.characters)
                cookiesBefore.append(cookiesBefore[index] &+ UInt32(block.cookies))
                longest = max(longest, counts.characters)
                let container = page.containers[Int(block.container)]
                if container.ancestors[AncestorKind.article.rawValue] < 15 { articleProse &+= prose }
                if container.ancestors[AncestorKind.main.rawValue] < 15 { mainProse &+= prose }
            }
        }
        copies = page.blocks.map { seen[$0.hash, default: 0] }
    }

    /// The container with most prose near below it, and the deepest one that has most of the page's.
    private static func containers(_ page: PageBlocks) -> (trunk: Int, best: Int, scores: [Float]) {
        var scores = [Float](repeating: 0, count: page.containers.count)
        for block in page.blocks where block.isProse {
            var at = Int(block.container)
            // A paragraph's own element holds nothing else.
            if page.containers[at].kind.rawValue < BlockKind.division.rawValue, at != 0 {
                at = Int(page.containers[at].parent)
            }
            var weight = Float(min(block.counts.characters, 2000))
            for _ in 0..<5 {
                scores[at] += weight
                weight *= 0.5
                if at == 0 { break }
                at = Int(page.containers[at].parent)
            }
        }
        var best = 0
        for index in page.containers.indices {
            let counts = page.containers[index].counts
            guard counts.characters > 0 else { continue }
            scores[index] *= 1 - Float(counts.linkCharacters) / Float(counts.characters)
            if scores[index] > scores[best] { best = index }
        }
        var trunk = 0
        let most = page.containers[0].prose / 5 * 3
        if most > 0 {
            for index in page.containers.indices.dropFirst()
            where Int(page.containers[index].parent) == trunk && page.containers[index].prose >= most {
                // Containers stand in document order: children behind their parents.
                trunk = index
            }
        }
        return (trunk, best, scores)
    }

    /// The block that is most like the page's title.
    private static func titleBlock(_ page: PageBlocks) -> Int? {
        guard !page.titleWords.isEmpty else { return nil }
        var found: Int?
        var most: Float = 0.5
        for (index, block) in page.blocks.enumerated() where block.titleWords > 0 {
            let words = Float(block.titleWords)
            var score = 2 * words / (Float(block.counts.words) + Float(page.titleWords.count))
            score = max(score, 0.9 * words / Float(block.counts.words) * min(1, words / 3))
            if block.kind == .h1 { score += 0.5 } else if block.kind.rawValue >= BlockKind.h6.rawValue { score += 0.3 }
            if score > most {
                most = score
                found = index
            }
        }
        return found
    }

    /// How a text ends: 0 without a sign, 1 comma, 2 ellipsis, 3 colon, 4 sentence. Quotation marks are looked behind.
    private static func end(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> UInt8 {
        var at = text.endIndex
        for _ in 0..<3 where at > text.startIndex {
            func byte(_ back: Int) -> UInt8 { at - back >= text.startIndex ? text[at - back] : 0 }
            switch byte(1) {
            case 46: return byte(2) == 46 ? 2 : 4
            case 33, 63: return 4
            case 58: return 3
            case 44, 59: return 1
            case 34, 39, 41, 93: at -= 1
            case 0x82 where byte(2) == 0x80 && byte(3) == 0xE3: return 4
            case 0xA6 where byte(2) == 0x80 && byte(3) == 0xE2: return 2
            case 0x81 where byte(2) == 0xBC && byte(3) == 0xEF, 0x9F where byte(2) == 0xBC && byte(3) == 0xEF: return 4
            case 0x9D where byte(2) == 0x80 && byte(3) == 0xE2, 0x9C where byte(2) == 0x80 && byte(3) == 0xE2: at -= 3
            case 0xBB where byte(2) == 0xC2: at -= 2
            default: return 0
            }
        }
        return 0
    }

    private static func start(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> UInt8 {
        guard let first = text.first else { return 0 }
        if ASCIIByte.isDigit(first) { return 1 }
        if first &- 97 < 26 { return 2 }
        if first &- 65 < 26 { return 3 }
        return first >= 0x80 ? 4 : 0
    }

    /// Whether a year of our time stands in a short text.
    private static func hasYear(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        guard text.count >= 4, text.count < 160 else { return false }
        for at in text.startIndex...text.endIndex - 4 {
            let first = text[at]
            guard first == 49 || first == 50, text[at + 1] == (first == 49 ? 57 : 48) else { continue }
            if ASCIIByte.isDigit(text[at + 2]), ASCIIByte.isDigit(text[at + 3]) { return true }
        }
        return false
    }

    /// Writes the features of one block. Complexity: O(depth).
    func write(_ index: Int, to row: UnsafeMutablePointer<UInt8>) {
        var writer = Writer(row: row)
        page.text.withUnsafeBufferPointer { text in
            writeOwn(index, text, &writer)
        }
        writeNeighbours(index, &writer)
        writePlace(index, &writer)
        writeContainers(index, &writer)
        writePage(&writer)
        let block = page.blocks[index]
        let container = page.containers[Int(block.container)]
        var hints = block.hints
        var near = container.hints
        while hints != 0 {
            near.reach(hints.trailingZeroBitCount)
            hints &= hints - 1
        }
        for hint in 0..<ClassHint.allCases.count { writer.put(near[hint]) }
        for kind in 0..<AncestorKind.allCases.count { writer.put(container.ancestors[kind]) }
        assert(writer.count == Self.count)
    }

    private struct Writer {
        let row: UnsafeMutablePointer<UInt8>
        var count = 0

        @inline(__always)
        mutating func put(_ value: UInt8) {
            row[count] = value
            count += 1
        }
    }

    private func writeOwn(_ index: Int, _ text: UnsafeBufferPointer<UInt8>, _ writer: inout Writer) {
        let block = page.blocks[index]
        let counts = block.counts
        let summary = summaries[index]
        let own = text[block.range]
        writer.put(summary.length)
        writer.put(Scale.length(counts.words))
        writer.put(summary.linkShare)
        writer.put(Scale.length(UInt32(block.links)))
        writer.put(summary.sentences)
        writer.put(Scale.length(counts.commas))
        writer.put(Scale.share(counts.digits, counts.characters))
        writer.put(Scale.share(counts.capitals, max(counts.words, 1)))
        writer.put(Scale.length(counts.separators))
        writer.put(summary.end)
        writer.put(Self.start(own))
        writer.put(summary.kind)
        writer.put(UInt8(min(255, counts.characters * 4 / max(counts.words, 1))))
        writer.put(Scale.share(counts.emphasized, counts.characters))
        writer.put(Scale.length(UInt32(block.lineBreaks)))
        writer.put(Scale.share(UInt32(block.titleWords), max(counts.words, 1)))
        writer.put(Scale.share(UInt32(block.titleWords), UInt32(max(page.titleWords.count, 1))))
        writer.put(copies[index])
        writer.put(Self.hasYear(own) ? 1 : 0)
        writer.put(block.startsInLink ? 1 : 0)
        writer.put(block.isPreformatted ? 1 : 0)
        writer.put(block.listDepth)
        writer.put(block.hints == 0 ? 0 : 1)
        writer.put(block.cookies)
        let low = max(0, index - 8)
        let high = min(page.blocks.count, index + 9)
        writer.put(UInt8(min(255, cookiesBefore[high] - cookiesBefore[low])))
    }

    private func writeNeighbours(_ index: Int, _ writer: inout Writer) {
        for offset in [-3, -2, -1, 1, 2, 3] {
            let at = index + offset
            guard summaries.indices.contains(at) else {
                for _ in 0..<5 { writer.put(255) }
                continue
            }
            let summary = summaries[at]
            writer.put(summary.length)
            writer.put(summary.linkShare)
            writer.put(summary.kind)
            writer.put(summary.sentences)
            writer.put(summary.end)
        }
    }

    private func writePlace(_ index: Int, _ writer: inout Writer) {
        let count = page.blocks.count
        let low = max(0, index - 8)
        let high = min(count, index + 9)
        writer.put(Scale.length(proseBefore[index] - proseBefore[low]))
        writer.put(Scale.length(proseBefore[high] - proseBefore[index + 1]))
        writer.put(Scale.share(linksBefore[index] - linksBefore[low], lengthBefore[index] - lengthBefore[low]))
        writer.put(
            Scale.share(linksBefore[high] - linksBefore[index + 1], lengthBefore[high] - lengthBefore[index + 1]))
        writer.put(index > 0 ? levels(index, index - 1) : 31)
        writer.put(index + 1 < count ? levels(index, index + 1) : 31)
        let heading = Int(headings[index])
        writer.put(heading < 0 ? 255 : Scale.length(UInt32(index - heading)))
        writer.put(heading < 0 ? 0 : page.blocks[heading].kind.rawValue)
        writer.put(heading < 0 ? 0 : Scale.length(proseBefore[index] - proseBefore[heading]))
        writer.put(Scale.share(UInt32(index), UInt32(count)))
        writer.put(Scale.share(lengthBefore[index], lengthBefore[count]))
        writer.put(Scale.length(UInt32(index)))
        writer.put(Scale.length(UInt32(count - index)))
        if let title {
            let distance = Scale.length(UInt32(abs(index - title)))
            writer.put(index < title ? 128 - min(distance, 120) : 128 + min(distance, 120))
        } else {
            writer.put(0)
        }
        writer.put(title == nil ? 0 : page.blocks[title ?? 0].kind.rawValue + 1)
        let inTrunk = levelsUp(from: Int(page.blocks[index].container), to: trunk)
        writer.put(inTrunk)
        let range = page.containers[trunk]
        writer.put(index < Int(range.firstBlock) ? 0 : index >= Int(range.endBlock) ? 2 : 1)
        writer.put(Scale.share(range.prose, page.containers[0].prose))
        writer.put(levelsUp(from: Int(page.blocks[index].container), to: best))
        writer.put(Scale.share(page.containers[best].prose, page.containers[0].prose))
        writer.put(Scale.length(page.containers[best].prose))
        let container = Int(page.blocks[index].container)
        let parent = Int(page.containers[container].parent)
        writer.put(UInt8(min(64, max(0, scores[container] / maximumScore * 64))))
        writer.put(UInt8(min(64, max(0, scores[parent] / maximumScore * 64))))
        writer.put(UInt8(min(255, page.containers[container].depth)))
        writer.put(UInt8(clamping: 128 + Int(page.containers[container].depth) - Int(page.containers[best].depth)))
        var at = container
        for _ in 0..<4 {
            writer.put(Scale.length(UInt32(page.containers[Int(page.containers[at].run)].runLength)))
            at = Int(page.containers[at].parent)
        }
    }

    private func writeContainers(_ index: Int, _ writer: inout Writer) {
        var at = Int(page.blocks[index].container)
        let all = page.containers[0].counts.characters
        for _ in 0..<4 {
            let container = page.containers[at]
            let blocks = container.endBlock &- container.firstBlock
            writer.put(Scale.length(container.counts.characters))
            writer.put(Scale.share(container.counts.linkCharacters, container.counts.characters))
            writer.put(Scale.length(container.prose))
            writer.put(Scale.length(blocks))
            writer.put(Scale.length(container.counts.characters / max(blocks, 1)))
            writer.put(Scale.length(UInt32(container.childCount)))
            writer.put(Scale.share(container.counts.characters, all))
            writer.put(container.kind.rawValue)
            at = Int(container.parent)
        }
    }

    private func writePage(_ writer: inout Writer) {
        let root = page.containers[0]
        writer.put(Scale.length(root.counts.characters))
        writer.put(Scale.share(root.counts.linkCharacters, root.counts.characters))
        writer.put(Scale.length(UInt32(page.blocks.count)))
        writer.put(Scale.length(root.prose))
        writer.put(Scale.length(longest))
        writer.put(Scale.share(articleProse, root.prose))
        writer.put(Scale.share(mainProse, root.prose))
        for subject in [PageSubjects.article, .product, .forum, .listing] {
            writer.put(page.subjects.contains(subject) ? 1 : 0)
        }
    }

    /// Levels from a container up to one around it; 31 where it is not around it.
    private func levelsUp(from start: Int, to ancestor: Int) -> UInt8 {
        var at = start
        let depth = page.containers[ancestor].depth
        let levels = Int(page.containers[at].depth) - Int(depth)
        guard levels >= 0 else { return 31 }
        for _ in 0..<levels { at = Int(page.containers[at].parent) }
        return at == ancestor ? UInt8(min(levels, 30)) : 31
    }

    /// Levels from a block's container up to the one that it shares with another block.
    private func levels(_ index: Int, _ other: Int) -> UInt8 {
        var left = Int(page.blocks[index].container)
        var right = Int(page.blocks[other].container)
        var count = 0
        while left != right {
            // Parents have smaller numbers.
            if left > right {
                left = Int(page.containers[left].parent)
                count += 1
            } else {
                right = Int(page.containers[right].parent)
            }
        }
        return UInt8(min(count, 30))
    }
}
