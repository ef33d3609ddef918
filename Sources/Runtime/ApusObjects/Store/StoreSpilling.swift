import ApusCore

extension StoreCore {
    /// Whether a batch may be started, as far as past failures go.
    var canSpill: Bool { retryAt == nil && file.capacity > 0 }

    /// Sees to it that at least so many bytes are on their way to the file, objects that a request claims excepted.
    ///
    /// - Returns: false when nothing is.
    mutating func spill(atLeast bytes: Int, except order: UInt64?, _ effects: inout [StoreEffect]) -> Bool {
        if spillsInFlight > 0, spillingBytes >= bytes || spillsInFlight >= configuration.spillBatches || !canSpill {
            return true
        }
        guard canSpill else { return false }
        let target = max(bytes - spillingBytes, configuration.spillBatch)
        var items: [StoreOperation.Item] = []
        var sum = 0
        lastOperation += 1
        var slot = dirty.first
        var refused = 0
        while slot >= 0, sum < target, items.count < configuration.spillBatchObjects, refused < 64 {
            let next = self[slot].next
            if self[slot].claim != order, case .memory(let memory, _) = self[slot].state {
                if let room = file.allocate(self[slot].size) {
                    coldFile.allocated(room)
                    items.append(StoreOperation.Item(slot: slot, memory: memory, file: room))
                    sum += memory.count
                    unlist(slot)
                    self[slot].state = .spilling(memory, lastOperation)
                } else {
                    // A smaller one may fit.
                    refused += 1
                }
            }
            slot = next
        }
        if refused > 0, items.isEmpty { trouble = .limitReached(limit: file.capacity) }
        guard !items.isEmpty else { return spillsInFlight > 0 }
        operations[lastOperation] = .spill(items)
        spillsInFlight += 1
        spillingBytes += sum
        effects.append(
            .startSpill(
                lastOperation,
                items.map {
                    SpillItem(
                        object: self[$0.slot].id, memory: Extent(offset: $0.memory.offset, count: self[$0.slot].size),
                        fileOffset: $0.file.offset)
                }))
        return true
    }

    mutating func spillFinished(
        _ operation: SpillOperation, _ checksums: [UInt64], _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        guard let items = endSpill(operation) else { return }
        precondition(checksums.count == items.count, "\(checksums.count) checksums for \(items.count) objects")
        trouble = nil
        retryAt = nil
        failures = 0
        counters.spilled += items.count
        for (item, checksum) in zip(items, checksums) {
            guard item.slot >= 0 else {
                releaseMemory(item.memory, now)
                releaseFile(item.file, now)
                continue
            }
            counters.spilledBytes += self[item.slot].size
            self[item.slot].state = .memory(item.memory, copy: FileCopy(extent: item.file, checksum: checksum))
            relist(item.slot)
        }
    }

    /// The objects stay in memory, and spilling rests for a while: a full disk is not asked again and again.
    mutating func spillFailed(
        _ operation: SpillOperation, _ trouble: SpillTrouble, _ now: Instant, _ effects: inout [StoreEffect]
    ) {
        guard let items = endSpill(operation) else { return }
        self.trouble = trouble
        counters.spillFailures += 1
        var pause = configuration.firstBackoff
        for _ in 0..<failures where pause < configuration.lastBackoff { pause = pause * 2 }
        failures += 1
        retryAt = now + min(pause, configuration.lastBackoff)
        for item in items.reversed() {
            releaseFile(item.file, now)
            guard item.slot >= 0 else {
                releaseMemory(item.memory, now)
                continue
            }
            self[item.slot].state = .memory(item.memory, copy: nil)
            relist(item.slot, asOldest: true)
        }
    }

    private mutating func endSpill(_ operation: SpillOperation) -> [StoreOperation.Item]? {
        guard case .spill(let items)? = operations[operation] else { return nil }
        operations[operation] = nil
        spillsInFlight -= 1
        for item in items { spillingBytes -= item.memory.count }
        needsService = true
        return items
    }

    /// The object of an operation under way died: what the operation uses is freed when it ends.
    mutating func orphan(_ slot: Int, in operation: SpillOperation) {
        switch operations[operation] {
        case .spill(var items):
            operations[operation] = nil
            for place in items.indices where items[place].slot == slot { items[place].slot = -1 }
            operations[operation] = .spill(items)
        case .restore(_, let memory, let copy):
            operations[operation] = .restore(slot: -1, memory: memory, copy: copy)
        case nil: preconditionFailure("operation \(operation) is not under way")
        }
    }
}
