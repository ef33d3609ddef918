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
P9 = save("p9", np.load(f"{data}/occupancy_X.npy"))
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
    # The peers define and symmetrise the graph in ways of their own: times only.
    ("P10", "graph of 50 neighbours and FL, MNIST 10,000×784, k 100", P5, 100, FL + ["exp-distance", "--neighbours", "50"],
     "knn", "apricot", False),
    ("P10s", "the same", P5, 100, FL + ["exp-distance", "--neighbours", "50"], "knn", "submodlib", False),
    ("P10a", "the same, approximate graph on our side", P5, 100,
     FL + ["exp-distance", "--neighbours", "50", "--approximate"], "knn", "apricot", False),
]


# A process begins with its parent's memory, so that a small one stands between this and what is measured.
WRAPPER = """
import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.PIPE, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.stdout.write(done.stdout.decode())
"""


def run(command, cores="0"):
    wrapped = [sys.executable, "-I", "-S", "-c", WRAPPER, "taskset", "-c", cores] + command
    output = subprocess.run(wrapped, stdout=subprocess.PIPE, check=True).stdout.decode()
    peak, result = output.split("\n", 1)
    return json.loads(result), int(peak)


def peer(work, library, path, k, rounds):
    return run([python, f"{here}/peers.py", work, library, path, str(k), str(rounds)])


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
    print(f"\nP8, CRAIG on ijcnn1, a tenth of each class, two threads: {one['seconds']:.1f} s, {peak >> 20} MiB; {costs}")
if wanted("P9"):
    points = "200000"
    ours, _ = run([apus, "bench", "coresets", P9, "--points", points, "--json"])
    print("\nP9, occupancy sensors in a circle, one core:")
    for one in ours["results"]:
        print(f"  {one['name']}: {one['value']:,.0f} points/s, 99th percentile {one['p99'] * 1e6:.2f} µs")
if wanted("P9m"):
    for selector in ["doubling k=100", "sieve++ k=20"]:
        ours, peak = run([apus, "bench", "coresets", P9, "--points", "10000000", "--only", selector, "--json"])
        one = ours["results"][0]
        print(f"\nP9, ten million points, {selector}: {one['value']:,.0f} points/s, memory after the first million "
              f"{one['memoryGrowth'] / 2**20:+.1f} MiB, peak {peak >> 20} MiB")
if wanted("P11"):
    ours, peak = run([apus, "bench", "coresets", P4, "--parts", "5", "--count", "100", "--json"])
    one = ours["results"][0]
    central, _ = peer("facility-location", "apricot", P4, 100, 1)
    split, memory = peer("greedi", "apricot", P4, 100, 1)
    print(f"\nP11, GreeDi on five parts of MNIST 5,000×784, k 100: {one['value']:.4f} of the central objective in "
          f"{one['seconds']:.3f} s ({peak >> 20} MiB), central {one['centralSeconds']:.3f} s; apricot "
          f"{split['value'] / central['value']:.4f} in {split['bare']:.3f} s without compiling, central "
          f"{central['bare']:.3f} s ({memory >> 20} MiB)")
