"""Runs Apus's and Ray's single-node microbenchmarks in turn, round after round, and prints the ratios of the medians.

Usage: compare.py APUS PYTHON_WITH_RAY [--seconds S] [--rounds N] [NAME…]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

NAMES = [
    "single client tasks sync", "single client tasks async", "tasks and get batch", "multi client tasks async",
    "1:1 actor calls sync", "1:1 actor calls async", "1:1 actor calls concurrent", "1:n actor calls async",
    "n:n actor calls async", "single client put calls", "single client get calls", "multi client put calls",
    "get object containing 10k refs", "single client wait 1k refs", "single client put gigabytes",
]


def apus_values(apus, names):
    """The median rate of each benchmark in one run of Apus."""
    command = [apus, "bench", "runtime", "--backend", "local", "--quick", "--json"]
    for name in names:
        command += ["--only", name]
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        sys.exit(f"Apus: {run.stderr.strip()[-500:]}")
    return {r["name"]: (statistics.median(r["samples"]), r["unit"]) for r in json.loads(run.stdout)["results"]}


def ray_values(python, seconds, names):
    """The same for Ray, where one name after the other is measured once."""
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ray_microbenchmarks.py")
    run = subprocess.run([python, script, str(seconds), "1", *names], capture_output=True, text=True)
    lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    if not lines:
        sys.exit(f"Ray: {run.stderr.strip()[-500:]}")
    return {line["name"]: line["value"] for line in lines}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("python")
    parser.add_argument("--seconds", type=float, default=2.0, help="of each of Ray's measurements")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("names", nargs="*", default=NAMES)
    arguments = parser.parse_intermixed_args()
    ours = {name: [] for name in arguments.names}
    theirs = {name: [] for name in arguments.names}
    units = {}
    for round_number in range(arguments.rounds):
        for name, (value, unit) in apus_values(arguments.apus, arguments.names).items():
            if name in ours:
                ours[name].append(value)
                units[name] = unit
        for name, value in ray_values(arguments.python, arguments.seconds, arguments.names).items():
            theirs[name].append(value)
        print(f"round {round_number + 1} of {arguments.rounds} is done", file=sys.stderr, flush=True)
    rows = []
    for name in arguments.names:
        if not ours[name] or not theirs[name]:
            print(f"{name:34} not measured by both")
            continue
        value, peer = statistics.median(ours[name]), statistics.median(theirs[name])
        rows.append({
            "name": name, "value": value, "unit": units[name], "peer": "ray", "peerValue": peer, "ratio": value / peer,
            "samples": ours[name], "peerSamples": theirs[name]})
        print(f"{name:34} {value:14,.1f} {peer:12,.1f} {value / peer:9.1f} ×")
    print(json.dumps({"results": rows}))


main()
