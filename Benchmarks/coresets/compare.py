"""Runs each work in the peers and in Apus in turn, checks that picks or values agree, and prints a table.

Times are processor seconds of one core, from the features in memory to the picks, the least of three rounds."""
import json, os, subprocess, sys

import numpy as np

data, apus, python = sys.argv[1], sys.argv[2], sys.executable
only = sys.argv[3:]
here = os.path.dirname(os.path.abspath(__file__))
folder = ".deps/peers/coresets/data"
os.makedirs(folder, exist_ok=True)


def save(name, array):
    path = f"{folder}/{name}.npy"
    if not os.path.exists(path):
        np.save(path, array)
    return path


def wanted(name):
    return not only or name in only


ijcnn, mnist = np.load(f"{data}/ijcnn1_train_X.npy"), np.load(f"{data}/mnist_test_X.npy")
FL = ["--objective", "facility-location", "--metric"]
P1, P2, P3 = (save(f"p{i + 1}", ijcnn[:n]) for i, n in enumerate([1000, 5000, 10000]))
P4, P6, P7 = save("p4", mnist[:5000]), save("p6", ijcnn[:2000]), save("p7", ijcnn)
P5 = save("p5", (mnist / 255).astype(np.float32))
P10S = save("p10s", (mnist[:2000] / 255).astype(np.float32))
sensors = np.load(f"{data}/occupancy_X.npy").astype(np.float64)
P9 = save("p9z", ((sensors - sensors.mean(0)) / sensors.std(0)).astype(np.float32))
# name, title, file, k, arguments of apus select, work and library of the peers, whether the values are comparable
WORKS = [
    ("P1", "FL M − d², ijcnn1 1,000, k 100", P1, 100, FL + ["apricot-euclidean"], "facility-location", "apricot", True),
    ("P1e", "FL exp(−d/dim), the same", P1, 100, FL + ["exp-distance"], "facility-location", "submodlib", True),
    ("P2", "FL M − d², ijcnn1 5,000, k 500", P2, 500, FL + ["apricot-euclidean"], "facility-location", "apricot", True),
    ("P2e", "FL exp(−d/dim), the same", P2, 500, FL + ["exp-distance"], "facility-location", "submodlib", True),
    ("P3", "FL M − d², ijcnn1 10,000, k 500", P3, 500, FL + ["apricot-euclidean"], "facility-location", "apricot", True),
    ("P4", "FL M − d², MNIST 5,000×784, k 500", P4, 500, FL + ["apricot-euclidean"], "facility-location", "apricot", True),
    ("P5", "feature-based √, MNIST 10,000×784, k 500", P5, 500, ["--objective", "feature-based"], "feature-based", "apricot", True),
    ("P6", "log-det λ 1, ijcnn1 2,000, k 100", P6, 100, ["--objective", "log-determinant", "--metric", "exp-distance"],
     "log-determinant", "submodlib", True),
    ("P7", "farthest-first, ijcnn1 49,990, k 500", P7, 500, ["--objective", "k-center"], "gmm", "numpy", True),
    # The peers define and symmetrise the graph in ways of their own: times only. scikit-learn makes the graph alone; for
    # apricot it makes the graph, too.
    ("P10g", "graph of 50 neighbours, MNIST 10,000×784 (ours with FL, k 100)", P5, 100,
     FL + ["exp-distance", "--neighbours", "50"], "graph", "scikit-learn", False),
    ("P10", "the graph and FL, k 100", P5, 100, FL + ["exp-distance", "--neighbours", "50"], "knn", "apricot", False),
    ("P10a", "the same, approximate graph on our side", P5, 100,
     FL + ["exp-distance", "--neighbours", "50", "--approximate"], "knn", "apricot", False),
    # In submodlib each row's neighbours are sorted in Python, which takes minutes for 10,000 rows.
    ("P10s", "the same, 2,000 rows, k 100", P10S, 100, FL + ["exp-distance", "--neighbours", "50"], "knn", "submodlib",
     False),
]


# A process begins with its parent's memory, so that a small one stands between this and what is measured.
WRAPPER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss * 1024, used.ru_utime + used.ru_stime)
sys.stdout.write(done.stdout.decode())
"""


def run(command, cores="0"):
    wrapped = [sys.executable, "-I", "-S", "-c", WRAPPER, "taskset", "-c", cores] + command
    output = subprocess.run(wrapped, stdout=subprocess.PIPE, check=True).stdout.decode()
    used, result = output.split("\n", 1)
    peak, seconds = used.split()
    result = json.loads(result)
    # Of the processor, for the whole program with its start.
    result["total"] = float(seconds)
    return result, int(peak)


def peer(work, library, path, k, rounds, points=0):
    return run([python, f"{here}/peers.py", work, library, path, str(k), str(rounds), str(points)])


print("| work | peer | s | without compiling | MiB | Apus, s | MiB | ratio | without compiling | first pick that differs | values differ by |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
for name, title, path, k, arguments, work, library, comparable in WORKS:
    if not wanted(name):
        continue
    command = [apus, "select", path, "--count", str(k), "--threads", "1", "--precision", "single", "--json"] + arguments
    rounds = 3 if comparable else 1
    # Before and after the peer, so that what else the machine does falls on both.
    ours = [run(command) for _ in range(rounds)]
    one, peak = peer(work, library, path, k, rounds)
    ours += [run(command) for _ in range(rounds)]
    result = ours[0][0]
    seconds, memory = min(o["processorSeconds"] for o, _ in ours), max(p for _, p in ours)
    differ = next((i for i, (a, b) in enumerate(zip(result["indices"], one["picks"])) if a != b), "none")
    error = f"{abs(result['objective'] - one['value']) / abs(one['value']):.1e}"
    print(f"| {name} {title} | {library} | {one['seconds']:.3f} | {one['bare']:.3f} | {peak >> 20} | {seconds:.4f} | "
          f"{memory >> 20} | {one['seconds'] / seconds:.1f} × | {one['bare'] / seconds:.1f} × | "
          f"{differ if comparable else ''} | {error if comparable else ''} |", flush=True)
if wanted("P8"):
    one, peak = run([apus, "select", f"{data}/ijcnn1_train_X.npy", "--objective", "craig", "--labels",
                     f"{data}/ijcnn1_train_y.npy", "--fraction", "0.1", "--threads", "2"], "0,1")
    costs = ", ".join(f"L {c['cost']:.1f} ({c['count']} of {c['size']})" for c in one["classes"])
    print(f"\nP8, CRAIG on ijcnn1, a tenth of each class, two threads: {one['seconds']:.1f} s, {one['total']:.1f} s of both "
          f"processors, {peak >> 20} MiB; {costs}", flush=True)
if wanted("P8d"):
    # The class that fits, with all its similarities kept and with none: the same picks, gains and weights to the bit. That
    # the option is heeded shows in the memory, which differs by the n × n numbers.
    labels = np.load(f"{data}/ijcnn1_train_y.npy")
    small = save("p8d", ijcnn[labels == 1])
    zeros = save("p8d_y", labels[labels == 1])
    rows = len(np.load(zeros))
    both = {}
    for storage in ["stored", "computed"]:
        one, peak = run([apus, "select", small, "--objective", "craig", "--labels", zeros, "--fraction", "0.1", "--threads",
                         "1", "--precision", "single", "--storage", storage, "--json"])
        both[storage] = one, peak
        print(f"\nP8d, the class of {rows:,} alone, similarities {storage}: {one['total']:.2f} s, {peak >> 20} MiB", flush=True)
    (stored, most), (computed, least) = both["stored"], both["computed"]
    for key in ["indices", "gains", "weights", "objective"]:
        assert stored[key] == computed[key], f"stored and computed similarities differ in {key}"
    assert len(stored["indices"]) == -(-rows // 10) and sum(stored["weights"]) == rows, "picks or weights do not add up"
    assert most - least > 0.9 * 4 * rows * rows, "the stored run did not store"
    print(f"P8d: {len(stored['indices'])} picks, gains and weights are the same to the bit", flush=True)
if wanted("P9"):
    points = "200000"
    ours, _ = run([apus, "bench", "coresets", P9, "--points", points, "--json"])
    print("\nP9, occupancy sensors in a circle, one core:")
    for one in ours["results"]:
        print(f"  {one['name']}: {one['value']:,.0f} points/s, 99th percentile {one['p99'] * 1e6:.2f} µs")
# The peer is a numpy loop that looks at 4,096 points at once; the time of ours is of the whole program.
for selector, work, k, points in [("doubling k=100", "doubling", 100, 10_000_000), ("sieve++ k=20", "sieve", 20, 10_000_000)]:
    if not wanted("P9m"):
        continue
    ours, peak = run([apus, "bench", "coresets", P9, "--points", str(points), "--only", selector, "--json"])
    one, memory = peer(work, "numpy", P9, k, 1, points)
    print(f"\nP9, {points:,} points, {selector}: {ours['total']:.2f} s ({peak >> 20} MiB, after the first million "
          f"{ours['results'][0]['memoryGrowth'] / 2**20:+.1f} MiB); numpy {one['seconds']:.2f} s ({memory >> 20} MiB): "
          f"{one['seconds'] / ours['total']:.1f} ×", flush=True)
if wanted("P11"):
    ours, peak = run([apus, "bench", "coresets", P4, "--parts", "5", "--count", "100", "--json"])
    one = ours["results"][0]
    central, _ = peer("facility-location", "apricot", P4, 100, 1)
    split, memory = peer("greedi", "apricot", P4, 100, 1)
    print(f"\nP11, GreeDi on five parts of MNIST 5,000×784, k 100: {one['value']:.4f} of the central objective; with the "
          f"central one, all of the program, {ours['total']:.2f} s ({peak >> 20} MiB); apricot "
          f"{split['value'] / central['value']:.4f}, {split['seconds'] + central['seconds']:.2f} s, without compiling "
          f"{split['bare'] + central['bare']:.2f} s ({memory >> 20} MiB)")
