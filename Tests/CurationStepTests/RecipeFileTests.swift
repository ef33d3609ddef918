import Apus
import Curation
import Foundation
import Testing

@Suite("Recipes that come with Apus")
struct RecipeFileTests {
    private static let recipes = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Recipes")
        .standardized

    private static let lists = [
        "banned_words_strict.txt": "banlists/refinedweb_banned_words_strict_reverse_engineered.txt",
        "banned_words_hard.txt": "banlists/refinedweb_banned_words_hard_reverse_engineered.txt",
        "banned_words_soft.txt": "banlists/refinedweb_banned_words_soft_reverse_engineered.txt",
        "banned_words_c4.txt": "banlists/ldnoobw.txt", "iana_tlds.txt": "iana_tlds.txt",
    ]

    /// A copy of the recipes, with the lists given beside them.
    private func copy(lists: [String: String]) throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-recipes-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.recipes.path())
        where name.hasSuffix(".yaml") {
            try FileManager.default.copyItem(at: Self.recipes.appending(path: name), to: folder.appending(path: name))
        }
        let listFolder = folder.appending(path: "lists")
        try FileManager.default.createDirectory(at: listFolder, withIntermediateDirectories: true)
        for (name, source) in lists {
            try FileManager.default.copyItem(
                at: URL(filePath: ReferenceData.folder).appending(path: source), to: listFolder.appending(path: name))
        }
        return folder
    }

    @Test(
        "a recipe without its lists names the key, the file and what to put there",
        arguments: [
            ("dclm_baseline_refinedweb.yaml", "banned_domains.txt"), ("refinedweb.yaml", "banned_domains.txt"),
            ("c4.yaml", "banned_words_c4.txt"),
        ])
    func absent(recipe: String, list: String) throws {
        let folder = try copy(lists: [:])
        defer { try? FileManager.default.removeItem(at: folder) }
        do {
            _ = try Recipe(file: folder.appending(path: recipe).path())
            Issue.record("\(recipe) was read")
        } catch {
            let message = "\(error)"
            for part in [recipe, "banlist_from_fname", "lists/" + list, "one entry a line"] {
                #expect(message.contains(part), "\(message)")
            }
        }
    }

    @Test(
        "with its lists each recipe runs, and accounts for every page",
        .enabled(if: ReferenceData.hasModels, "Scripts/install-models was not run"),
        .enabled(if: ReferenceData.has("recipe_cases.jsonl"), "../shared/data/dclm_reference is absent"),
        arguments: [
            "dclm_baseline_refinedweb.yaml", "refinedweb.yaml", "c4.yaml", "english_prose.yaml", "multilingual.yaml",
        ])
    func whole(recipe: String) async throws {
        let folder = try copy(lists: Self.lists)
        defer { try? FileManager.default.removeItem(at: folder) }
        // The published recipes' list of domains is not: any will do here.
        try "example.net\n".write(
            to: folder.appending(path: "lists/banned_domains.txt"), atomically: true, encoding: .utf8)
        let pool = folder.appending(path: "pool.jsonl")
        var pages = ""
        var count = 0
        for fields in try ReferenceData.lines("recipe_cases.jsonl") {
            guard let page = fields["page"] else { continue }
            pages += page.text() + "\n"
            count += 1
        }
        try pages.write(to: pool, atomically: true, encoding: .utf8)
        let run = CurationRun(
            recipe: try Recipe(file: folder.appending(path: recipe).path()), pool: [pool.path()],
            output: folder.appending(path: "out").path())
        let manifest = try await withCluster(.embedded(cpus: 2)) { try await run.run(on: $0) }
        let dropped = manifest.dropped.values.reduce(0, +)
        let failed = manifest.failed.values.reduce(0, +)
        print("\(recipe): \(manifest.read) read, \(manifest.kept) kept, \(dropped) dropped, \(failed) failed")
        #expect(manifest.read == count && manifest.kept + dropped + failed == count)
        #expect(manifest.kept > 0 && dropped > 0 && failed == 0)
    }
}
