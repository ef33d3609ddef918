"""Runs one work in apricot-select, submodlib or numpy and prints its times, value and picks as JSON.

Times are of the processor: those of the wall double when other programs run. What numba compiles within a fit is
measured by its own events, in the same fit."""
import json, resource, sys, time, warnings

warnings.filterwarnings("ignore")
import numpy as np

work, library, path, k = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
rounds = int(sys.argv[5]) if len(sys.argv) > 5 else 3
X = np.load(path)


# Imports are not timed.
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


def fit():
    if library == "apricot":
        data = X.astype(np.float64)
        if work == "feature-based":
            model = apricot.FeatureBasedSelection(k, concave_func="sqrt", optimizer="lazy").fit(data)
        elif work == "knn":
            model = apricot.FacilityLocationSelection(k, metric="euclidean", n_neighbors=50, optimizer="lazy").fit(data)
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
