import Files
import JSON

extension Tokenizer {
    /// The tokenizer as the JSON that Hugging Face's library reads: the same keys in the same order as it writes.
    public var json: JSONValue {
        var vocabulary = JSONObject()
        vocabulary.reserveCapacity(entries.count)
        var merges: [JSONValue] = []
        merges.reserveCapacity(self.merges.count)
        for (id, entry) in entries.enumerated() where modelIdentifiers.contains(UInt32(id)) {
            if let entry { vocabulary[entry.text] = JSONValue(id) }
        }
        for merge in self.merges {
            merges.append([.string(text(merge.left)), .string(text(merge.right))])
        }
        return .object([
            "version": "1.0",
            "truncation": nil,
            "padding": nil,
            "added_tokens": .array(addedTokens.map(Self.json)),
            "normalizer": normalizesToNFC ? ["type": "NFC"] : nil,
            "pre_tokenizer": preTokenizer,
            "post_processor": kept["post_processor"] ?? nil,
            "decoder": kept["decoder"] ?? Self.byteLevel(addsPrefixSpace: true, usesPattern: true),
            "model": .object([
                "type": "BPE",
                "dropout": nil,
                "unk_token": unknown.map { .string(text($0)) } ?? nil,
                "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil,
                "fuse_unk": .bool(fusesUnknown),
                "byte_fallback": false,
                "ignore_merges": .bool(wholeWords != nil),
                "vocab": .object(vocabulary),
                "merges": .array(merges),
            ]),
        ])
    }

    /// SHA-256 of the tokenizer as compact JSON: equal for equal tokenizers, however their files are laid out.
    public var digest: String { SHA256.digest(Array(json.text().utf8)) }

    /// Writes `tokenizer.json`, whole or not at all.
    public func write(to path: String) throws(FileError) {
        try AtomicFile.write(json.text(.indented) + "\n", to: path)
    }

    private func text(_ id: UInt32) -> String { entries[Int(id)]?.text ?? "" }

    private static func json(_ token: AddedToken) -> JSONValue {
        [
            "id": JSONValue(token.id), "content": .string(token.content), "single_word": .bool(token.singleWord),
            "lstrip": .bool(token.stripsLeft), "rstrip": .bool(token.stripsRight),
            "normalized": .bool(token.isNormalized), "special": .bool(token.isSpecial),
        ]
    }

    private static func byteLevel(addsPrefixSpace: Bool, usesPattern: Bool) -> JSONValue {
        [
            "type": "ByteLevel", "add_prefix_space": .bool(addsPrefixSpace), "trim_offsets": true,
            "use_regex": .bool(usesPattern),
        ]
    }

    private var preTokenizer: JSONValue {
        if splitters == [.pieces(.gpt2)] { return Self.byteLevel(addsPrefixSpace: addsPrefixSpace, usesPattern: true) }
        var list = splitters.map { splitter -> JSONValue in
            switch splitter {
            case .digits(let individually): ["type": "Digits", "individual_digits": .bool(individually)]
            case .pieces(let rule):
                [
                    "type": "Split", "pattern": ["Regex": .string(rule.pattern)], "behavior": "Isolated",
                    "invert": false,
                ]
            }
        }
        list.append(Self.byteLevel(addsPrefixSpace: addsPrefixSpace, usesPattern: false))
        return list.count == 1 ? list[0] : ["type": "Sequence", "pretokenizers": .array(list)]
    }
}
