import ApusCore

/// What is lacking, and who has it.
extension Resources {
    /// Whether a demand can be taken; one without processors can while processors are overdrawn.
    package func admits(_ demand: Resources) -> Bool {
        (demand.cpus == .zero || cpus >= demand.cpus) && (demand.gpus == .zero || gpus >= demand.gpus)
            && (demand.memory == 0 || memory >= demand.memory)
            && demand.custom.allSatisfy { custom[$0.key, default: .zero] >= $0.value }
    }

    /// The largest part that these are of any of the resources in `total`.
    package func dominantShare(of total: Resources) -> Double {
        var share = 0.0
        if total.cpus > .zero { share = max(share, Double(cpus.units) / Double(total.cpus.units)) }
        if total.gpus > .zero { share = max(share, Double(gpus.units) / Double(total.gpus.units)) }
        if total.memory > 0 { share = max(share, Double(memory) / Double(total.memory)) }
        for (name, amount) in custom {
            guard let all = total.custom[name], all > .zero else { continue }
            share = max(share, Double(amount.units) / Double(all.units))
        }
        return share
    }

    /// What a demand lacks here.
    package func shortfall(for demand: Resources) -> Resources {
        var lacking = Resources()
        if demand.cpus > .zero, cpus < demand.cpus { lacking.cpus = demand.cpus - cpus }
        if demand.gpus > .zero, gpus < demand.gpus { lacking.gpus = demand.gpus - gpus }
        if demand.memory > 0, memory < demand.memory { lacking.memory = demand.memory - memory }
        for (name, amount) in demand.custom {
            let have = custom[name, default: .zero]
            if have < amount { lacking.custom[name] = amount - have }
        }
        return lacking
    }

    /// Whether two amounts have a resource in common.
    package func overlaps(_ other: Resources) -> Bool {
        (cpus > .zero && other.cpus > .zero) || (gpus > .zero && other.gpus > .zero)
            || (memory > 0 && other.memory > 0) || other.custom.keys.contains { custom[$0, default: .zero] > .zero }
    }

    /// Whether each resource that these have is one that others have too.
    package func isWithin(_ other: Resources) -> Bool {
        (cpus == .zero || other.cpus > .zero) && (gpus == .zero || other.gpus > .zero)
            && (memory == 0 || other.memory > 0)
            && custom.allSatisfy { $0.value == .zero || other.custom[$0.key, default: .zero] > .zero }
    }

    /// These, as far as it are resources that others have too.
    package func limited(to other: Resources) -> Resources {
        Resources(
            cpus: other.cpus > .zero ? cpus : .zero, gpus: other.gpus > .zero ? gpus : .zero,
            memory: other.memory > 0 ? memory : 0,
            custom: custom.filter { other.custom[$0.key, default: .zero] > .zero })
    }
}
