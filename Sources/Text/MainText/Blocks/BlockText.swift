/// How text gets into blocks: white space collapsed and characters counted in one pass over the bytes.
extension BlockBuilder {
    mutating func breakLine(_ page: inout PageBlocks) {
        guard isOpen else { return }
        pendingBreaks += 1
        if block.lineBreaks < .max { block.lineBreaks += 1 }
        // An empty line ends a paragraph, whatever the markup.
        if pendingBreaks > 1, preDepth == 0 { closeBlock(&page) }
    }

    mutating func openBlock(_ page: inout PageBlocks) {
        block = Block()
        block.start = UInt32(page.text.count)
        block.container = container
        block.hints = inlineHints
        block.kind = page.containers[Int(container)].kind
        block.isPreformatted = preDepth > 0
        block.startsInLink = linkDepth > 0
        block.links = linkDepth > 0 ? 1 : 0
        block.listDepth = listDepth
        if itemIsFresh {
            block.isItemStart = true
            block.number = itemNumber
            if itemNumber > 0, itemNumber < .max { itemNumber += 1 }
            itemIsFresh = false
        }
        isOpen = true
        pendingSpace = false
        pendingBreaks = 0
    }

    mutating func write(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ additions: UnsafeBufferPointer<UInt64>,
        _ classes: UnsafeBufferPointer<UInt8>, _ page: inout PageBlocks
    ) {
        guard !range.isEmpty, let base = bytes.baseAddress else { return }
        var at = range.lowerBound
        if !isOpen {
            // White space between blocks is most of many pages.
            while at < range.upperBound, classes[Int(base[at])] == 1, preDepth == 0 { at += 1 }
            guard at < range.upperBound else { return }
            openBlock(&page)
        }
        let before = block.counts.characters
        while at < range.upperBound {
            let end = min(at + ByteStatistics.chunk, range.upperBound)
            // A character is three times its bytes at most, with a space or line break before it.
            let start = page.text.count
            let room = 2 * (end - at) + 16
            var text = page.text
            page.text = []
            text.append(contentsOf: repeatElement(0, count: room))
            let written = text.withUnsafeMutableBufferPointer { output -> Int in
                guard let target = output.baseAddress else { return 0 }
                return copy(base, &at, end, range.upperBound, target + start, additions, classes)
            }
            text.removeLast(room - written)
            page.text = text
        }
        let added = block.counts.characters &- before
        if linkDepth > 0 { block.counts.linkCharacters &+= added }
        if emphasisDepth > 0 { block.counts.emphasized &+= added }
    }

    /// Copies text of one chunk with its white space collapsed, and counts. Gives the bytes written.
    @inline(__always)
    private mutating func copy(
        _ base: UnsafePointer<UInt8>, _ position: inout Int, _ end: Int, _ limit: Int,
        _ target: UnsafeMutablePointer<UInt8>,
        _ additions: UnsafeBufferPointer<UInt64>, _ classes: UnsafeBufferPointer<UInt8>
    ) -> Int {
        var at = position
        var to = 0
        var sums: UInt64 = 0
        var isFirst = block.counts.characters == 0
        var space = pendingSpace
        var breaks = pendingBreaks
        while at < end {
            let byte = base[at]
            let kind = classes[Int(byte)]
            if kind == 1 {
                if preDepth > 0 {
                    target[to] = byte
                    to += 1
                } else {
                    space = true
                }
                at += 1
                continue
            }
            var length = 1
            if kind == 2 {
                let special = ByteStatistics.special(base + at, limit - at)
                length = special.length
                switch special.kind {
                case .space:
                    if preDepth > 0 {
                        target[to] = 32
                        to += 1
                    } else {
                        space = true
                    }
                    at += length
                    continue
                case .nothing:
                    at += length
                    continue
                case .sentence: block.counts.sentences &+= 1
                case .comma: block.counts.commas &+= 1
                case .separator: block.counts.separators &+= 1
                case .none: break
                }
            }
            if space || breaks > 0 {
                if !isFirst, preDepth == 0 || breaks > 0 {
                    if to > 0 || block.counts.characters > 0 { endWord(target, to) }
                    target[to] = breaks > 0 ? 10 : 32
                    to += 1
                }
                space = false
                breaks = 0
                block.counts.words &+= 1
            } else if isFirst {
                block.counts.words &+= 1
            }
            isFirst = false
            sums &+= additions[Int(byte)]
            target[to] = byte
            for offset in 1..<max(length, 1) { target[to + offset] = base[at + offset] }
            to += length
            at += length
        }
        pendingSpace = space
        pendingBreaks = breaks
        position = at
        add(sums)
        return to
    }

    /// Counts a sentence where a word ends in its sign.
    @inline(__always)
    private mutating func endWord(_ target: UnsafeMutablePointer<UInt8>, _ to: Int) {
        // What was written before this chunk lies before the target.
        let last = target[to - 1]
        if last == 46 || last == 33 || last == 63 {
            block.counts.sentences &+= 1
        } else if last == 34 || last == 41 || last == 39,
            target[to - 2] == 46 || target[to - 2] == 33 || target[to - 2] == 63
        {
            block.counts.sentences &+= 1
        }
    }

    @inline(__always)
    private mutating func add(_ sums: UInt64) {
        let mask: UInt64 = 1 << ByteStatistics.fieldBits - 1
        let bits = ByteStatistics.fieldBits
        block.counts.characters &+= UInt32(sums & mask)
        block.counts.digits &+= UInt32(sums >> bits & mask)
        block.counts.capitals &+= UInt32(sums >> (2 * bits) & mask)
        block.counts.commas &+= UInt32(sums >> (3 * bits) & mask)
        block.counts.separators &+= UInt32(sums >> (4 * bits) & mask)
    }

    mutating func closeBlock(_ page: inout PageBlocks) {
        guard isOpen else { return }
        isOpen = false
        pendingSpace = false
        pendingBreaks = 0
        guard block.counts.characters > 0 else {
            page.text.removeLast(page.text.count - Int(block.start))
            return
        }
        while let last = page.text.last, page.text.count > Int(block.start), ASCIIByte.isSpace(last) {
            page.text.removeLast()
        }
        block.end = UInt32(page.text.count)
        page.text.withUnsafeBufferPointer { text in
            let own = UnsafeBufferPointer(rebasing: text[block.range])
            if let last = own.last, last == 46 || last == 33 || last == 63 { block.counts.sentences &+= 1 }
            block.hash = TitleWords.hash(own)
            block.cookies = TitleWords.cookies(own)
            if own.count < 400, !page.titleWords.isEmpty {
                var found = 0
                TitleWords.forEach(own) { if page.titleWords.contains($0) { found += 1 } }
                block.titleWords = UInt8(min(found, 255))
            }
        }
        if page.blocks.count < Self.limit {
            page.blocks.append(block)
        } else if var last = page.blocks.popLast() {
            last.end = block.end
            last.counts += block.counts
            page.blocks.append(last)
        }
    }
}
