"""Runs one work in apricot-select, submodlib or numpy and prints {"seconds", "value", "picks", "peak"} as JSON."""
import json, resource, sys, time, warnings

warnings.filterwarnings("ignore")
import numpy as np

work, library, path, k = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
X = np.load(path)


def fit():
    if library == "apricot":
        import apricot

        data = X.astype(np.float64)
        if work == "feature-based":
            model = apricot.FeatureBasedSelection(k, concave_func="sqrt", optimizer="lazy")
        else:
            model = apricot.FacilityLocationSelection(k, metric="euclidean", optimizer="lazy")
        model.fit(data)
        return model.ranking.tolist(), float(np.sum(model.gains))
    if library == "submodlib":
        import submodlib

        if work == "log-determinant":
            model = submodlib.LogDeterminantFunction(n=len(X), mode="dense", lambdaVal=1.0, data=X, metric="euclidean")
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


if library == "apricot":
    import apricot  # imports are not timed
elif library == "submodlib":
    import submodlib
times = []
for _ in range(3 if len(sys.argv) < 6 else int(sys.argv[5])):
    start = time.perf_counter()
    picks, value = fit()
    times.append(time.perf_counter() - start)
compile_time = 0.0
if library == "apricot":
    # What a fit costs that has nothing to select from: compilation, which every fit pays.
    keep, X = X, X[:60]
    k_keep, k = k, 2
    compile_times = []
    for _ in range(3):
        start = time.perf_counter()
        fit()
        compile_times.append(time.perf_counter() - start)
    compile_time = min(compile_times)
    X, k = keep, k_keep
print(json.dumps({"seconds": min(times), "compile": compile_time, "value": value, "picks": picks,
                  "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
