"""Runs Apus's and Ray's single-node microbenchmarks in turn and prints the ratios of their medians.

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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("apus")
    parser.add_argument("python")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("names", nargs="*", default=NAMES)
    arguments = parser.parse_args()
    ray = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ray_microbenchmarks.py")
    rows = []
    for name in arguments.names:
        apus = subprocess.run(
            [arguments.apus, "bench", "runtime", "--backend", "local", "--quick", "--json", "--only", name],
            capture_output=True, text=True)
        if apus.returncode:
            print(f"{name}: Apus: {apus.stderr.strip()[:200]}", file=sys.stderr)
            continue
        ours = {r["name"]: r for r in json.loads(apus.stdout)["results"]}[name]
        peer = subprocess.run(
            [arguments.python, ray, str(arguments.seconds), str(arguments.rounds), name], capture_output=True, text=True)
        line = next((l for l in peer.stdout.splitlines() if l.startswith("{")), None)
        if line is None:
            print(f"{name}: Ray: {peer.stderr.strip()[-200:]}", file=sys.stderr)
            continue
        theirs = json.loads(line)
        value, peer_value = statistics.median(ours["samples"]), theirs["value"]
        rows.append({
            "name": name, "value": value, "unit": ours["unit"], "peer": "ray", "peerValue": peer_value,
            "ratio": value / peer_value})
        print(f"{name:34} {value:14,.1f} {peer_value:12,.1f} {value / peer_value:9.1f} ×", flush=True)
    print(json.dumps({"results": rows}))


main()
