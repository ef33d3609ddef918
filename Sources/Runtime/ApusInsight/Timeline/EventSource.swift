import ApusCore
import Files

/// Where the events of a cluster come from: its node while it runs, the file that it leaves afterwards.
package enum EventSource {
    /// - Parameter name: the cluster; where nil the only one that runs, else the newest that ended.
    /// - Throws: `InsightError`.
    package static func load(_ name: String?) throws(InsightError) -> ClusterEvents {
        let running = try ClusterAddress.running().map(\.cluster)
        if name.map({ running.contains($0) }) ?? !running.isEmpty {
            let client = try InsightClient.connect(to: name)
            guard case .events(let events) = try client.ask(.events) else {
                throw .malformed(cluster: client.cluster, reason: "it answered another question")
            }
            return events
        }
        let state = try StateFolder()
        // One that recorded nothing left no file: the next older one is meant.
        let kept = SessionFolder.names(in: state).filter {
            FileReader.exists(Paths.join(state.path, "sessions/\($0)/\(SessionFolder.eventsName)"))
        }
        guard let found = name.map({ wanted in kept.first { $0 == wanted } }) ?? kept.first else {
            throw .noSession(name: name, kept: kept)
        }
        return try read(Paths.join(state.path, "sessions/\(found)/\(SessionFolder.eventsName)"))
    }

    /// - Throws: `InsightError.file`, `.damagedFile`.
    package static func read(_ path: String) throws(InsightError) -> ClusterEvents {
        do {
            return try BinaryDecoder().decode(ClusterEvents.self, from: try FileReader.bytes(of: path))
        } catch {
            throw (error as? FileError).map { .file($0) } ?? .damagedFile(path: path, reason: "\(error)")
        }
    }
}
