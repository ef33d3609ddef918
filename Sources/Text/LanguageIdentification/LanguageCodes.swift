/// Codes as detectors write them, turned into BCP 47.
enum LanguageCodes {
    /// The code without script or region, in today's form; nil for what names no language.
    static func base(_ code: String) -> String? {
        if code.hasPrefix("xx-") { return scripts[code] }
        let subtag = String(code.prefix { $0 != "-" && $0 != "_" }).lowercased()
        if noLanguage.contains(subtag) { return nil }
        return current[subtag] ?? subtag
    }

    /// The code as answered: with its script where that tells Chinese apart.
    static func answer(_ code: String, base: String) -> String { code == "zh-Hant" ? code : base }

    /// Withdrawn or unusual codes and those in use (IANA language subtag registry; ISO 639-3 retirements).
    private static let current = [
        "iw": "he", "in": "id", "jw": "jv", "ji": "yi", "mo": "ro", "sh": "sr", "no": "nb", "fil": "tl", "cmn": "zh",
        "arb": "ar", "pes": "fa", "prs": "fa", "blu": "hmn", "uzs": "uz",
    ]

    /// What detectors answer for text without language, and CLD2's toys (pig Latin, Klingon, …).
    private static let noLanguage: Set<String> = [
        "un", "und", "zxx", "xxx", "zzb", "zze", "zzh", "zzp", "tlh", "",
    ]

    /// Scripts that (nearly) one living language is written in; CLD2 answers these with the script.
    private static let scripts = [
        "xx-Tfng": "zgh", "xx-Cher": "chr", "xx-Yiii": "ii", "xx-Vaii": "vai", "xx-Nkoo": "nqo", "xx-Olck": "sat",
        "xx-Bamu": "bax", "xx-Mtei": "mni", "xx-Lisu": "lis", "xx-Java": "jv", "xx-Sund": "su", "xx-Bali": "ban",
        "xx-Bugi": "bug", "xx-Kali": "eky", "xx-Saur": "saz", "xx-Lepc": "lep", "xx-Cham": "cjm", "xx-Tavt": "blt",
        "xx-Tale": "tdd", "xx-Talu": "khb", "xx-Lana": "nod", "xx-Goth": "got", "xx-Copt": "cop", "xx-Plrd": "hmd",
        "xx-Limb": "lif", "xx-Syrc": "syr", "xx-Mong": "mn", "xx-Cans": "iu", "xx-Tibt": "bo", "xx-Thaa": "dv",
    ]
}
