/// A page as a sequence of blocks of text, each in a tree of containers.
struct PageBlocks {
    /// The text of all blocks, one after another: white space collapsed, but kept where it is preformatted.
    var text: [UInt8] = []
    var blocks: [Block] = []
    var containers: [Container] = []
    /// Words of the page's title, as hashes.
    var titleWords: Set<UInt32> = []
    /// What the page's structured data say that it is.
    var subjects: PageSubjects = []

    mutating func removeAll() {
        text.removeAll(keepingCapacity: true)
        blocks.removeAll(keepingCapacity: true)
        containers.removeAll(keepingCapacity: true)
        titleWords.removeAll(keepingCapacity: true)
        subjects = []
    }
}

/// Text between two boundaries of blocks.
struct Block {
    /// Where it lies in the text.
    var start: UInt32 = 0
    var end: UInt32 = 0
    /// The nearest container.
    var container: UInt32 = 0
    /// Hints of inline elements around its first text.
    var hints: ClassHint.Set = 0
    var counts = TextCounts()
    var links: UInt16 = 0
    var lineBreaks: UInt16 = 0
    var kind = BlockKind.other
    var isPreformatted = false
    var isControl = false
    /// Whether the first or the last byte beyond space belongs to a link.
    var startsInLink = false
    /// Depth of lists around it, and its number in an ordered one.
    var listDepth: UInt8 = 0
    var isItemStart = false
    var number: UInt16 = 0
    /// A hash of the text.
    var hash: UInt64 = 0
    /// How many of its words are in the title, up to 255.
    var titleWords: UInt8 = 0
    /// How often it speaks of cookies: a word that is the same in most languages.
    var cookies: UInt8 = 0

    var range: Range<Int> { Int(start)..<Int(end) }
}

/// What a text is made of. A Han character, a kana or a Hangul syllable counts as three characters: about a word's half.
struct TextCounts {
    var characters: UInt32 = 0
    var words: UInt32 = 0
    var linkCharacters: UInt32 = 0
    var sentences: UInt32 = 0
    var commas: UInt32 = 0
    var digits: UInt32 = 0
    var capitals: UInt32 = 0
    var separators: UInt32 = 0
    var emphasized: UInt32 = 0

    static func += (left: inout TextCounts, right: TextCounts) {
        left.characters &+= right.characters
        left.words &+= right.words
        left.linkCharacters &+= right.linkCharacters
        left.sentences &+= right.sentences
        left.commas &+= right.commas
        left.digits &+= right.digits
        left.capitals &+= right.capitals
        left.separators &+= right.separators
        left.emphasized &+= right.emphasized
    }
}

/// A block-level or unknown element.
struct Container {
    var parent: UInt32
    var depth: UInt16
    var kind: BlockKind
    /// For each hint, levels up to the nearest element with it; 15 for none within reach.
    var hints: Levels
    /// For each kind of ancestor, likewise.
    var ancestors: Levels
    /// Blocks in it lie in `firstBlock..<endBlock`.
    var firstBlock: UInt32
    var endBlock: UInt32 = 0
    /// Sums over the blocks in it.
    var counts = TextCounts()
    /// Characters of blocks that are long and hardly linked: prose.
    var prose: UInt32 = 0
    /// Weighted prose of its near descendants.
    var score: Float = 0
    var childCount: UInt16 = 0
    /// The element's name and first class; neighbours that share them form a run, such as the cards of a list.
    var signature: UInt32 = 0
    /// The first container of the run, which knows its length; and the run that children were added to last.
    var run: UInt32 = 0
    var runLength: UInt16 = 0
    var lastRun: UInt32 = 0
}

extension PageBlocks {
    /// Adds up the blocks in each container, from the leaves to the root.
    mutating func sum() {
        for block in blocks {
            let index = Int(block.container)
            containers[index].counts += block.counts
            if block.isProse { containers[index].prose &+= block.counts.characters }
        }
        for index in containers.indices.dropFirst().reversed() {
            let parent = Int(containers[index].parent)
            containers[parent].counts += containers[index].counts
            containers[parent].prose &+= containers[index].prose
        }
    }
}

extension Block {
    /// Long, hardly linked text.
    var isProse: Bool { counts.characters >= 80 && counts.linkCharacters * 4 <= counts.characters }
}
