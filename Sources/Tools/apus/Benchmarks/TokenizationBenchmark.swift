import ArgumentParser
import Files
import JSON
import Tokenization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension BenchCommand {
    /// `apus bench tokenization`: rates of encoding and training on one thread.
    struct TokenizationBenchmark: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "tokenization",
            abstract:
                "Encoding in bytes a second, and the time to train a vocabulary, by processor time of one thread.",
            discussion: """
                Files are plain JSON lines with “text”. They are read first; then each round encodes all documents with an
                encoder that has seen nothing yet. --train measures training on the same documents instead.

                Example:
                  apus bench tokenization --tokenizer tokenizer.json --megabytes 50 documents.jsonl --json
                """)

        @Argument(help: "JSONL files.", completion: .file()) var files: [String]
        @Option(help: "The tokenizer.json to encode with.", completion: .file(extensions: ["json"])) var tokenizer:
            String?
        @Option(help: "Train a vocabulary of this size instead.") var train: Int?
        @Option(help: "Repeat the documents until they hold this many million bytes.") var megabytes = 0
        @Option(help: "Rounds; the median counts.") var rounds = 5
        @Flag(help: "Print one JSON object.") var json = false

        func validate() throws {
            guard (tokenizer == nil) != (train == nil) else { throw ValidationError("Give --tokenizer or --train.") }
            guard (1...1000).contains(rounds) else {
                throw ValidationError("--rounds must be from 1 to 1000, not \(rounds).")
            }
            guard (0...100_000).contains(megabytes) else {
                throw ValidationError("--megabytes must be from 0 to 100000, not \(megabytes).")
            }
        }

        func run() throws {
            let documents = try Self.documents(in: files)
            let bytes = documents.reduce(0) { $0 + $1.count }
            guard bytes > 0 else { throw TokenizationError.emptyInput(files.joined(separator: ", ")) }
            if let train {
                let result = try measureTraining(documents, vocabularySize: train)
                return report(
                    "train", result.seconds, unit: "s", ["bytes": JSONValue(bytes), "sha256": .string(result.digest)])
            }
            let repeats = max(1, (megabytes * 1_000_000 + bytes - 1) / bytes)
            let encoding = try measureEncoding(documents, repeats: repeats)
            report(
                "encode", encoding.seconds.map { Double(bytes * repeats) / 1e6 / $0 }, unit: "MB/s",
                [
                    "bytes": JSONValue(bytes * repeats), "tokens": JSONValue(encoding.tokens * repeats),
                    "sha256": .string(encoding.digest),
                ])
        }

        /// - Returns: of one pass over the documents, the tokens and the SHA-256 of their ids, 32 bits each, lowest byte first.
        private func measureEncoding(
            _ documents: [[UInt8]], repeats: Int
        ) throws -> (seconds: [Double], tokens: Int, digest: String) {
            guard let path = tokenizer else { throw ValidationError("Give --tokenizer.") }
            let tokenizer = try Tokenizer(contentsOf: path)
            var seconds: [Double] = []
            var ids: [UInt32] = []
            for _ in 0..<rounds {
                let encoder = tokenizer.makeEncoder()
                let start = Self.processorSeconds
                for _ in 0..<repeats {
                    ids.removeAll(keepingCapacity: true)
                    for document in documents { document.withUnsafeBufferPointer { encoder.encode($0, into: &ids) } }
                }
                seconds.append(Self.processorSeconds - start)
            }
            var digest = SHA256()
            ids.map(\.littleEndian).withUnsafeBytes { digest.update($0) }
            return (seconds, ids.count, digest.finish())
        }

        private func measureTraining(
            _ documents: [[UInt8]], vocabularySize: Int
        ) throws -> (seconds: [Double], digest: String) {
            var seconds: [Double] = []
            var digest = ""
            for _ in 0..<rounds {
                let start = Self.processorSeconds
                var trainer = TokenizerTrainer(vocabularySize: vocabularySize)
                for document in documents { document.withUnsafeBufferPointer { trainer.add($0) } }
                let tokenizer = try trainer.train()
                seconds.append(Self.processorSeconds - start)
                digest = tokenizer.digest
            }
            return (seconds, digest)
        }

        private func report(_ name: String, _ samples: [Double], unit: String, _ facts: JSONObject) {
            let value = samples.sorted()[samples.count / 2]
            guard json else { return print("\(name): \(value) \(unit), median of \(samples.count) rounds") }
            let measurement = BenchmarkHarness.Measurement(name: name, value: value, unit: unit, samples: samples)
            let object: JSONValue = [
                "machine": BenchmarkHarness.machine, "results": .array([measurement.json]), "input": .object(facts),
            ]
            print(object.text())
        }

        /// Of this process, which has one thread here; other programs on the processor do not count.
        private static var processorSeconds: Double {
            var time = timespec()
            clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }

        private static func documents(in files: [String]) throws -> [[UInt8]] {
            var documents: [[UInt8]] = []
            for file in files {
                for (number, line) in try FileReader.bytes(of: file).split(separator: 0x0A).enumerated() {
                    guard let text = try? JSONValue(parsing: Array(line))["text"]?.stringValue else {
                        throw TokenizationError.badLine(
                            file: file, line: number + 1, reason: "it is no JSON object with “text”")
                    }
                    documents.append(Array(text.utf8))
                }
            }
            return documents
        }
    }
}
