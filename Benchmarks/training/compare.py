"""Times `apus train` and peer.py in turn; see README.md. Called by ./run."""
import json, os, resource, statistics, subprocess, sys

TOKENS, ROUNDS = int(os.environ.get("TOKENS", 262144)), int(os.environ.get("ROUNDS", 3))
shards, folder = sys.argv[1:]
threads = len(os.sched_getaffinity(0))


def apus(precision, number):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.check_output([
        ".build/release/apus", "train", "--data", shards, "--scale", "tiny", "--tokens", str(TOKENS), "--precision", precision,
        "--threads", str(threads), "--out", f"{folder}/{precision}-{number}", "--json", "--quiet"])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(output)
    # Of the whole program, its start included; the peer's is of its steps alone.
    result["processorSeconds"] = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return result


def peer(precision):
    environment = dict(os.environ, PYTHONPATH=".deps/torch")
    arguments = [sys.executable, "Benchmarks/training/peer.py", shards, str(TOKENS), str(threads), precision]
    return json.loads(subprocess.check_output(arguments, env=environment))


print(f"# {threads} threads; name · Apus · PyTorch · ratio", flush=True)
for precision in ("float32", "bfloat16"):
    runs = []
    for number in range(ROUNDS):
        runs.append((apus(precision, number), peer(precision)))
        ours, theirs = runs[-1]
        assert ours["tokens"] == theirs["tokens"], "the runs differ in length"
        assert ours["parameters"] == theirs["parameters"], "the models differ in size"
        # The same model from other random numbers: early in a training the losses are nearly equal.
        assert abs(ours["loss"] - theirs["loss"]) < 0.1, f"losses differ: {ours['loss']} and {theirs['loss']}"
    for label, key in (("tokens/s", "seconds"), ("tokens per processor second", "processorSeconds")):
        a, b = (statistics.median(run[i]["tokens"] / run[i][key] for run in runs) for i in (0, 1))
        print(f"{precision}, {label} · {a:.0f} · {b:.0f} · {a / b:.2f}", flush=True)
    print(f"# loss {runs[-1][0]['loss']:.3f} · {runs[-1][1]['loss']:.3f}; torch {runs[-1][1]['torch']}", flush=True)
