"""Runs each work in the peers and in Apus in turn, checks that picks or values agree, and prints a table."""
import json, os, subprocess, sys

import numpy as np

data, apus, python = sys.argv[1], sys.argv[2], sys.executable
only = sys.argv[3:]
here = os.path.dirname(os.path.abspath(__file__))
folder = ".deps/peers/coresets/data"
os.makedirs(folder, exist_ok=True)


def save(name, array):
    path = f"{folder}/{name}.npy"
    np.save(path, array)
    return path


ijcnn, mnist = np.load(f"{data}/ijcnn1_train_X.npy"), np.load(f"{data}/mnist_test_X.npy")
FL = ["--objective", "facility-location", "--metric"]
WORKS = [
    ("P1", "FL M − d², ijcnn1 1,000, k 100", save("p1", ijcnn[:1000]), 100, FL + ["apricot-euclidean"], [("facility-location", "apricot")]),
    ("P1e", "FL exp(−d/dim), the same", save("p1", ijcnn[:1000]), 100, FL + ["exp-distance"], [("facility-location", "submodlib")]),
    ("P2", "FL M − d², ijcnn1 5,000, k 500", save("p2", ijcnn[:5000]), 500, FL + ["apricot-euclidean"], [("facility-location", "apricot")]),
    ("P2e", "FL exp(−d/dim), the same", save("p2", ijcnn[:5000]), 500, FL + ["exp-distance"], [("facility-location", "submodlib")]),
    ("P3", "FL M − d², ijcnn1 10,000, k 500", save("p3", ijcnn[:10000]), 500, FL + ["apricot-euclidean"], [("facility-location", "apricot")]),
    ("P4", "FL M − d², MNIST 5,000×784, k 500", save("p4", mnist[:5000]), 500, FL + ["apricot-euclidean"], [("facility-location", "apricot")]),
    ("P5", "feature-based √, MNIST 10,000×784, k 500", save("p5", (mnist / 255).astype(np.float32)), 500,
     ["--objective", "feature-based"], [("feature-based", "apricot")]),
    ("P6", "log-det λ 1, ijcnn1 2,000, k 100", save("p6", ijcnn[:2000]), 100,
     ["--objective", "log-determinant", "--metric", "exp-distance"], [("log-determinant", "submodlib")]),
    ("P7", "farthest-first, ijcnn1 49,990, k 500", save("p7", ijcnn), 500, ["--objective", "k-center"], [("gmm", "numpy")]),
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


print("| work | peer | s | without compiling | MiB | Apus, one core, s | MiB | ratio | without compiling | first pick that differs | values differ by |")
print("|---|---|---|---|---|---|---|---|---|---|---|")
for name, title, path, k, arguments, peers in WORKS:
    if only and name not in only:
        continue
    ours = None
    for _ in range(3):
        one, peak = run([apus, "select", path, "--count", str(k), "--threads", "1", "--precision", "single", "--json"] + arguments)
        if ours is None or one["seconds"] < ours[0]["seconds"]:
            ours = (one, peak)
    for work, library in peers:
        peer, peak = run([python, f"{here}/peers.py", work, library, path, str(k)])
        one = ours[0]
        differ = next((i for i, (a, b) in enumerate(zip(one["indices"], peer["picks"])) if a != b), None)
        error = abs(one["objective"] - peer["value"]) / abs(peer["value"])
        bare = max(1e-9, peer["seconds"] - peer["compile"])
        print(f"| {name} {title} | {library} | {peer['seconds']:.3f} | {bare:.3f} | {peak >> 20} | {one['seconds']:.3f} | "
              f"{ours[1] >> 20} | {peer['seconds'] / one['seconds']:.1f} × | {bare / one['seconds']:.1f} × | "
              f"{'none' if differ is None else differ} | {error:.1e} |", flush=True)
if not only or "P8" in only:
    one, peak = run([apus, "select", f"{data}/ijcnn1_train_X.npy", "--objective", "craig", "--labels",
                     f"{data}/ijcnn1_train_y.npy", "--fraction", "0.1", "--threads", "2"], "0,1")
    costs = ", ".join(f"L {c['cost']:.1f} ({c['count']} of {c['size']})" for c in one["classes"])
    print(f"\nP8, CRAIG on ijcnn1, a tenth of each class, two threads: {one['seconds']:.1f} s, {peak >> 20} MiB; {costs}")
