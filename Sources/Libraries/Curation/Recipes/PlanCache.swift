import Synchronization

/// Recipes made ready: their lists, patterns and models are read once in a process, not once for each chunk of pages.
///
/// The few that were used last are kept.
enum PlanCache {
    /// One recipe. Its lock is held while it is made, so that no two threads load the same model.
    private final class Entry: Sendable {
        let plan = Mutex<RecipePlan?>(nil)
    }

    private static let limit = 4
    /// The most recently used last.
    private static let entries = Mutex<[(key: String, entry: Entry)]>([])

    /// - Parameter key: the recipe's fingerprint.
    /// - Throws: as `RecipePlan` does.
    static func plan(_ recipe: Recipe, key: String) throws -> RecipePlan {
        let entry = entries.withLock { entries in
            let place = entries.firstIndex { $0.key == key }
            let found = place.map { entries.remove(at: $0) } ?? (key: key, entry: Entry())
            entries.append(found)
            if entries.count > limit { entries.removeFirst() }
            return found.entry
        }
        return try entry.plan.withLock { plan in
            if let plan { return plan }
            let made = try RecipePlan(recipe)
            plan = made
            return made
        }
    }
}
