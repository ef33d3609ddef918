"""Ray's side of the single-node microbenchmarks, by the names of the runtime specification. Prints JSON lines."""

import json
import statistics
import sys
import time

import ray


@ray.remote
def small():
    return b"ok"


@ray.remote
def put_hundred():
    for _ in range(100):
        ray.put(0)


@ray.remote(num_cpus=0)
class Actor:
    def small(self):
        return b"ok"

    def small_argument(self, argument):
        return b"ok"

    def submit_small(self, count):
        ray.get([small.remote() for _ in range(count)])


@ray.remote(num_cpus=0)
class AsyncActor:
    async def small(self):
        return b"ok"


@ray.remote
def call_round_robin(actors, count):
    ray.get([actors[i % len(actors)].small.remote() for i in range(count)])


def measure(name, multiplier, iteration, rounds, seconds):
    """Rounds of at least so many seconds each, after a warm-up; the rates of the rounds."""
    start = time.perf_counter()
    count = 0
    while time.perf_counter() - start < min(1.0, seconds):
        iteration()
        count += 1
    step = count // 10 + 1
    rates = []
    for _ in range(rounds):
        start = time.perf_counter()
        done = 0
        while time.perf_counter() - start < seconds:
            for _ in range(step):
                iteration()
            done += step
        rates.append(multiplier * done / (time.perf_counter() - start))
    print(json.dumps({"name": name, "value": statistics.median(rates), "samples": rates}), flush=True)


def main():
    seconds, rounds, only = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    stored = ray.put(0)
    actor = Actor.remote()
    ray.get(actor.small.remote())
    concurrent = Actor.options(max_concurrency=16).remote()
    ray.get(concurrent.small.remote())

    def wait():
        pending = [small.remote() for _ in range(1000)]
        while pending:
            _, pending = ray.wait(pending)

    def references():
        return ray.get(outer)

    outer = ray.put([ray.put(n) for n in range(10_000)])
    many = [Actor.remote() for _ in range(4)]
    half = many[:1]
    ray.get([one.small.remote() for one in many])
    numpy_array = None

    def gigabytes():
        ray.put(numpy_array)

    benchmarks = {
        "single client get calls": (1, lambda: ray.get(stored)),
        "single client put calls": (1, lambda: ray.put(0)),
        "multi client put calls": (1000, lambda: ray.get([put_hundred.remote() for _ in range(10)])),
        "tasks and get batch": (1, lambda: ray.get([small.remote() for _ in range(1000)])),
        "get object containing 10k refs": (1, references),
        "single client wait 1k refs": (1, wait),
        "single client tasks sync": (1, lambda: ray.get(small.remote())),
        "single client tasks async": (1000, lambda: ray.get([small.remote() for _ in range(1000)])),
        "multi client tasks async": (40_000, lambda: ray.get([one.submit_small.remote(10_000) for one in many])),
        "1:1 actor calls sync": (1, lambda: ray.get(actor.small.remote())),
        "1:1 actor calls async": (1000, lambda: ray.get([actor.small.remote() for _ in range(1000)])),
        "1:1 actor calls concurrent": (1000, lambda: ray.get([concurrent.small.remote() for _ in range(1000)])),
        "1:n actor calls async": (5000, lambda: ray.get([half[0].small.remote() for _ in range(5000)])),
        "n:n actor calls async": (
            20_000, lambda: ray.get([call_round_robin.remote(half, 5000) for _ in range(4)])),
        "single client put gigabytes": (0.8, gigabytes),
    }
    for name, (multiplier, iteration) in benchmarks.items():
        if only and name not in only:
            continue
        if name == "single client put gigabytes":
            import numpy

            numpy_array = numpy.zeros(100 * 1024 * 1024, dtype=numpy.int64)
        measure(name, multiplier, iteration, rounds, seconds)
    ray.shutdown()


main()
