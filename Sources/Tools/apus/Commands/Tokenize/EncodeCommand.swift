import ArgumentParser
import Files
import JSON
import Tokenization

struct EncodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encode",
        abstract: "Token ids of each line of standard input.",
        discussion: "Example: echo 'Hello world' | apus tokenize encode --tokenizer tokenizer.json")

    @Option(help: "A Hugging Face tokenizer.json (byte-level BPE).") var tokenizer: String
    @Flag(help: "One JSON object a line: {\"ids\": […], \"bytes\": n}.") var json = false
    @Flag(help: "Treat <|endoftext|> and the like inside a text as text.") var ignoreSpecial = false

    func run() async throws {
        let encoder = try Tokenizer(contentsOf: tokenizer).makeEncoder()
        encoder.ignoresSpecialTokens = ignoreSpecial
        var ids: [UInt32] = []
        try StandardLines.forEach { line, output in
            ids.removeAll(keepingCapacity: true)
            line.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
            if json {
                let object: JSONValue = ["ids": .array(ids.map { JSONValue($0) }), "bytes": JSONValue(line.count)]
                object.write(to: &output)
            } else {
                for (offset, id) in ids.enumerated() {
                    if offset > 0 { output.append(UInt8(ascii: " ")) }
                    output.append(contentsOf: String(id).utf8)
                }
            }
        }
    }
}

struct DecodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decode",
        abstract: "The text of each line of token ids on standard input.",
        discussion: "Example: echo '15496 995' | apus tokenize decode --tokenizer tokenizer.json")

    @Option(help: "The tokenizer.json that encoded.") var tokenizer: String
    @Flag(help: "One JSON object a line: {\"text\": …}.") var json = false
    @Flag(help: "Leave special tokens such as <|endoftext|> out.") var skipSpecial = false

    func run() async throws {
        let tokenizer = try Tokenizer(contentsOf: tokenizer)
        var number = 0
        try StandardLines.forEach { line, output in
            number += 1
            var ids: [UInt32] = []
            for word in line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x2C }) {
                guard let id = UInt32(String(decoding: word, as: UTF8.self)) else {
                    throw ValidationError("line \(number): ‘\(String(decoding: word, as: UTF8.self))’ is no token id.")
                }
                ids.append(id)
            }
            let bytes = try tokenizer.decodeBytes(ids, skippingSpecial: skipSpecial)
            if json {
                JSONValue.object(["text": .string(String(decoding: bytes, as: UTF8.self))]).write(to: &output)
            } else {
                output.append(contentsOf: bytes)
            }
        }
    }
}
