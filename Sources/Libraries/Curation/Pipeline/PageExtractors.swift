import Synchronization

/// Which extractor takes the text of HTML pages: a name, which travels to the processes that run a curation's chunks and
/// is looked up there.
///
/// ```swift
/// run.extractor = .register(MyExtractor(), as: "mine 1")
/// ```
public struct PageExtractors: Sendable, Hashable, Codable {
    /// Part of a run's key: another name, another output.
    public let name: String

    /// The extractors that come with the module.
    private static let builtIn: [String: any PageTextExtractor] = ["main text": MainTextPageExtractor()]
    private static let registered = Mutex<[String: any PageTextExtractor]>([:])

    private init(_ name: String) { self.name = name }

    /// The module's own extractor.
    public static let mainText = PageExtractors("main text")
    /// None: HTML pages count as failed.
    public static let none = PageExtractors("none")

    /// Makes an extractor known under a name in this process. Each process that runs tasks must register it for itself;
    /// in one that has not, HTML pages count as failed.
    public static func register(_ extractor: some PageTextExtractor, as name: String) -> PageExtractors {
        registered.withLock { $0[name] = extractor }
        return PageExtractors(name)
    }

    /// The extractor of that name in this process.
    var extractor: (any PageTextExtractor)? { Self.builtIn[name] ?? Self.registered.withLock { $0[name] } }
}
