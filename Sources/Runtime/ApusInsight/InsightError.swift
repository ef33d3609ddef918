import Files

/// Why a running cluster cannot be looked into.
public enum InsightError: Error, Sendable, CustomStringConvertible {
    /// No cluster of this user runs on this machine.
    case noCluster
    /// Several run, and none was named.
    case severalClusters([String])
    case unknownCluster(name: String, running: [String])
    /// The cluster ended, or does not answer.
    case ended(cluster: String)
    case silent(cluster: String, after: Duration)
    /// The socket that has the cluster's name is another user's: nothing was sent to it.
    case foreignSocket(cluster: String, user: UInt32)
    /// The cluster refused the token.
    case wrongToken(cluster: String, source: String)
    /// The cluster has more connections than it takes.
    case busy(cluster: String)
    /// The cluster's program was built with another version of Apus.
    case otherVersion(cluster: String, theirs: String, ours: String)
    /// The cluster could not read what it was sent, or the reverse.
    case malformed(cluster: String, reason: String)
    /// The token's file, or a folder above it, can be read or written by others.
    case exposed(path: String, mode: UInt32)
    case invalidToken(source: String, reason: String)
    case noHome
    /// No session has been kept, or not this one.
    case noSession(name: String?, kept: [String])
    case damagedFile(path: String, reason: String)
    case system(call: String, code: Int32)
    case file(FileError)

    public var description: String {
        switch self {
        case .noCluster:
            "No cluster of yours runs on this machine. Start a program with `withCluster(.local())`, or set APUS_CLUSTER=local for one that reads its environment."
        case .severalClusters(let names):
            "Several clusters run: \(names.joined(separator: ", ")). Name one with --cluster."
        case .unknownCluster(let name, let running):
            "No cluster named `\(name)` runs. \(running.isEmpty ? "None does." : "There are: \(running.joined(separator: ", ")).")"
        case .ended(let cluster):
            "The cluster `\(cluster)` ended. Its logs and events are kept: see `apus logs`, `apus timeline`."
        case .silent(let cluster, let limit):
            "The cluster `\(cluster)` has not answered within \(limit). Its machine may be out of memory, or its node stopped (kill -CONT): try again."
        case .foreignSocket(let cluster, let user):
            "The socket of the cluster `\(cluster)` belongs to user \(user): it is not yours, and got no token. Nothing was asked."
        case .wrongToken(let cluster, let source):
            "The cluster `\(cluster)` does not take the token of \(source). It was started with another one: give that one in APUS_TOKEN, or the state folder that it used in APUS_STATE."
        case .busy(let cluster): "The cluster `\(cluster)` has as many visitors as it takes. Try again in a moment."
        case .otherVersion(let cluster, let theirs, let ours):
            "The cluster `\(cluster)` runs Apus \(theirs), this is \(ours). Use the `apus` of the program's version."
        case .malformed(let cluster, let reason):
            "What passed between here and the cluster `\(cluster)` could not be read: \(reason). Use the `apus` of the program's version."
        case .exposed(let path, let mode):
            "\(path): others may use it (mode \(String(mode & 0o7777, radix: 8))). Run: chmod go= '\(path)'"
        case .invalidToken(let source, let reason):
            "\(source): \(reason). A token is 16 to 128 letters, digits and -_.; remove the file for a new one, or set APUS_TOKEN."
        case .noHome: "There is no folder for tokens and logs: HOME is not set. Set it, or name a folder in APUS_STATE."
        case .noSession(let name?, let kept):
            "No session of the cluster `\(name)` is kept. \(kept.isEmpty ? "None is." : "There are: \(kept.joined(separator: ", ")).")"
        case .noSession(nil, _): "No session is kept yet: run a program with `withCluster(.local())` first."
        case .damagedFile(let path, let reason):
            "\(path): \(reason). The file is damaged or of another version: remove it."
        case .system(let call, let code): "\(call): \(String(cString: strerror(code)))."
        case .file(let error): "\(error)"
        }
    }
}

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif
