"""Runs one work in apricot-select, submodlib, scikit-learn or numpy and prints its times, value and picks as JSON.

Times are of the processor: those of the wall double when other programs run. What numba compiles within a fit is
measured by its own events, in the same fit."""
import json, resource, sys, time, warnings

warnings.filterwarnings("ignore")
import numpy as np

work, library, path, k = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
points = int(sys.argv[6]) if len(sys.argv) > 6 else 0
X = np.load(path)


# Imports are not timed.
if work in ("graph", "knn"):
    import sklearn.neighbors
if work == "sieve":
    import scipy.linalg
if library == "apricot":
    import apricot
    from numba.core import event

    class Compilation(event.Listener):
        """Processor time between the start and the end of numba's compiler."""

        def __init__(self):
            self.depth, self.total = 0, 0.0

        def on_start(self, _):
            if self.depth == 0:
                self.begin = time.process_time()
            self.depth += 1

        def on_end(self, _):
            self.depth -= 1
            if self.depth == 0:
                self.total += time.process_time() - self.begin

elif library == "submodlib":
    import submodlib


def neighbours():
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=50, algorithm="brute").fit(X.astype(np.float32)).kneighbors_graph(mode="distance")


def chunks(data, count, size=4096):
    """`count` rows of the data in a circle."""
    done = 0
    while done < count:
        first = done % len(data)
        rows = data[first : first + min(size, count - done, len(data) - first)]
        done += len(rows)
        yield rows


def doubling(data, k, count):
    """Doubling for k-center: a chunk against all centres at once, one by one only what is far from them."""
    centres, weights, tau = np.empty((0, data.shape[1]), np.float32), [], 0.0

    def squares(rows, others):
        return np.maximum((rows**2).sum(1)[:, None] + (others**2).sum(1) - 2 * rows @ others.T, 0)

    for rows in chunks(data, count):
        first = 0
        while first < len(rows):
            rest = rows[first:]
            if len(centres):
                near = squares(rest, centres)
                far = np.flatnonzero(near.min(1) > (2 * tau) ** 2 + 1e-9)
                stop = far[0] if len(far) else len(rest)
                np.add.at(weights, near[:stop].argmin(1), 1)
                if not len(far):
                    break
            else:
                stop = 0
            centres, weights = np.vstack([centres, rest[stop]]), np.append(weights, 1)
            first += stop + 1
            while len(centres) > k:
                between = squares(centres, centres)
                tau = 2 * tau if tau else float(np.sqrt(between[~np.eye(len(centres), dtype=bool)].min()))
                kept = []
                for c in range(len(centres)):
                    if all(between[c, o] > (2 * tau) ** 2 for o in kept):
                        kept.append(c)
                    else:
                        weights[min(kept, key=lambda o: between[c, o])] += weights[c]
                centres, weights = centres[kept], np.asarray(weights)[kept]
    return [], float(len(centres))


def sieve(data, k, count, epsilon=0.1):
    """Sieve-streaming++ for ½·log det(I + K), K = exp(−d²/dim): a chunk's gains at once for each threshold, from the start
    again behind each point that was taken."""
    from scipy.linalg import solve_triangular

    single, reached, sets = 0.5 * np.log(2), 0.0, {}
    base = np.log1p(epsilon)

    def kernel(rows, others):
        return np.exp(-np.maximum((rows**2).sum(1)[:, None] + (others**2).sum(1) - 2 * rows @ others.T, 0) / data.shape[1])

    for rows in chunks(data, count):
        first = int(np.floor(np.log(max(single, reached) / (2 * k)) / base))
        last = int(np.ceil(np.log(single) / base))
        best = max(sets, key=lambda level: sets[level][2], default=None)
        sets = {level: one for level, one in sets.items() if level >= first or level == best}
        for level in range(first, last + 1):
            sets.setdefault(level, (np.empty((0, data.shape[1]), np.float32), np.empty((0, 0)), 0.0))
        for level, (taken, factor, value) in sets.items():
            threshold, start = (1 + epsilon) ** level, 0
            while len(taken) < k and start < len(rows):
                rest = rows[start:]
                pivots = np.full(len(rest), 2.0)
                if len(taken):
                    solved = solve_triangular(factor, kernel(taken, rest), lower=True, check_finite=False)
                    pivots -= (solved**2).sum(0)
                gains = 0.5 * np.log(np.maximum(pivots, 1))
                found = np.flatnonzero(gains >= threshold)
                if not len(found):
                    break
                at = found[0]
                row = solved[:, at] if len(taken) else np.empty(0)
                larger = np.zeros((len(taken) + 1, len(taken) + 1))
                larger[:-1, :-1], larger[-1, :-1], larger[-1, -1] = factor, row, np.sqrt(pivots[at])
                taken, factor, value = np.vstack([taken, rest[at]]), larger, value + gains[at]
                reached = max(reached, value)
                start += at + 1
            sets[level] = (taken, factor, value)
    return [], max(one[2] for one in sets.values())


def fit():
    if library == "apricot":
        data = X.astype(np.float64)
        if work == "feature-based":
            model = apricot.FeatureBasedSelection(k, concave_func="sqrt", optimizer="lazy").fit(data)
        elif work == "knn":
            # Its own n_neighbors fails on the 64-bit indices that scikit-learn's graph has.
            graph = neighbours()
            graph.data = graph.data.max() - graph.data
            graph.indices, graph.indptr = graph.indices.astype(np.int32), graph.indptr.astype(np.int32)
            model = apricot.FacilityLocationSelection(k, metric="precomputed", optimizer="lazy").fit(graph)
        elif work == "greedi":
            model = apricot.FacilityLocationSelection(
                k, metric="euclidean", optimizer="greedi", optimizer_kwds={"m": 5, "l": k}, random_state=0).fit(data)
        else:
            model = apricot.FacilityLocationSelection(k, metric="euclidean", optimizer="lazy").fit(data)
        return model.ranking.tolist(), float(np.sum(model.gains))
    if library == "submodlib":
        if work == "log-determinant":
            model = submodlib.LogDeterminantFunction(n=len(X), mode="dense", lambdaVal=1.0, data=X, metric="euclidean")
        elif work == "knn":
            model = submodlib.FacilityLocationFunction(
                n=len(X), mode="sparse", data=X, metric="euclidean", num_neighbors=50)
        else:
            model = submodlib.FacilityLocationFunction(n=len(X), mode="dense", data=X, metric="euclidean")
        chosen = model.maximize(budget=k, optimizer="LazyGreedy", show_progress=False)
        return [int(i) for i, _ in chosen], float(sum(g for _, g in chosen))
    if work == "graph":
        return [], float(neighbours().nnz)
    if work == "doubling":
        return doubling(X.astype(np.float32), k, points)
    if work == "sieve":
        return sieve(X.astype(np.float32), k, points)
    data = X.astype(np.float32)
    norms = (data**2).sum(1)
    near = np.full(len(data), np.inf, np.float32)
    picks = [0]
    for _ in range(k):
        p = picks[-1]
        np.minimum(near, norms + norms[p] - 2 * (data @ data[p]), out=near)
        picks.append(int(near.argmax()))
    return picks[:k], -float(np.sqrt(max(0, near.max())))


best = None
for _ in range(rounds):
    if library == "apricot":
        compilation = Compilation()
        event.register("numba:compiler_lock", compilation)
    start = time.process_time()
    picks, value = fit()
    seconds = time.process_time() - start
    if library == "apricot":
        event.unregister("numba:compiler_lock", compilation)
    one = {"seconds": seconds, "bare": seconds - (compilation.total if library == "apricot" else 0), "value": value, "picks": picks}
    if best is None or one["bare"] < best["bare"]:
        # The least of each, where they come from different rounds.
        one["seconds"] = min(seconds, best["seconds"] if best else seconds)
        best = one
    best["seconds"] = min(best["seconds"], seconds)
best["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(best))
