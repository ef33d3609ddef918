import Files
import Glibc

/// Where `Scripts/install-models` puts models: `.deps/models` of the repository.
///
/// Looked for in `APUS_MODELS` where that is set; otherwise in `.deps/models` of the working folder, of the program's
/// folder, and of the folders above both.
public enum InstalledModels {
    /// The byte n-gram model of `LanguageIdentifier`.
    public static let languageNgrams = "langid-ngrams.bin"
    /// fastText's language model for 176 languages, quantised.
    public static let fastTextLanguages = "lid.176.ftz"

    /// The path of an installed model.
    ///
    /// - Throws: `LanguageError.modelMissing` with the folders that were searched.
    public static func path(of name: String) throws(LanguageError) -> String {
        let folders = folders()
        for folder in folders {
            let path = Paths.join(folder, name)
            if FileReader.exists(path) { return path }
        }
        throw .modelMissing(name: name, searched: folders)
    }

    private static func folders() -> [String] {
        if let folder = getenv("APUS_MODELS") { return [String(cString: folder)] }
        var folders: [String] = []
        for start in [currentFolder(), programFolder()] {
            var folder = start
            while true {
                let candidate = Paths.join(folder, ".deps/models")
                if Folder.exists(candidate), !folders.contains(candidate) { folders.append(candidate) }
                let parent = Paths.split(folder).folder
                if parent == folder || parent == "." { break }
                folder = parent
            }
        }
        return folders.isEmpty ? [Paths.join(currentFolder(), ".deps/models")] : folders
    }

    private static func currentFolder() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }

    private static func programFolder() -> String {
        guard let path = realpath("/proc/self/exe", nil) else { return "/" }
        defer { free(path) }
        return Paths.split(String(cString: path)).folder
    }
}
