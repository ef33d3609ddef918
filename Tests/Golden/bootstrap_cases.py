#!/usr/bin/env python3
"""Writes bootstrap/cases.json: numbers, and the percentile intervals that scipy.stats.bootstrap finds for them (pip install
scipy); for few numbers also the exact bootstrap distribution, by going through every possible draw.

    Tests/Golden/bootstrap_cases.py
"""
import itertools
import json
from pathlib import Path

import numpy as np
import scipy
from scipy.stats import bootstrap

DRAWS = 40_000
CONFIDENCE = 0.95
# The exact shares of draws between which a bound may lie: five standard deviations of 20,000 draws at 0.025.
SLACK = 0.0055


def ratio(a, b, axis=-1):
    return a.sum(axis=axis) / b.sum(axis=axis)


def difference(a, b, c, d, axis=-1):
    return ratio(a, b, axis) - ratio(c, d, axis)


def interval(data, statistic):
    result = bootstrap(
        data, statistic, paired=True, vectorized=True, method="percentile", n_resamples=DRAWS, batch=2000,
        confidence_level=CONFIDENCE, rng=np.random.default_rng(1))
    return {
        "value": float(statistic(*data)), "lower": float(result.confidence_interval.low),
        "upper": float(result.confidence_interval.high), "deviation": float(result.standard_error)}


def exact(data, statistic):
    """Where each bound may lie, from all nⁿ draws, which come equally often."""
    count = len(data[0])
    draws = np.array(list(itertools.product(range(count), repeat=count)))
    values = np.sort(statistic(*[d[draws] for d in data]))
    tail = (1 - CONFIDENCE) / 2
    at = lambda share: float(values[min(len(values) - 1, max(0, int(share * (len(values) - 1))))])
    return {"lower": [at(tail - SLACK), at(tail + SLACK)], "upper": [at(1 - tail - SLACK), at(1 - tail + SLACK)]}


def main():
    random = np.random.default_rng(20)
    cases = []

    def add(name, kind, data, statistic, enumerate=False):
        data = [np.round(d, 4) for d in data]
        case = {"name": name, "kind": kind, "data": [d.tolist() for d in data], **interval(data, statistic)}
        if enumerate:
            case["exact"] = exact(data, statistic)
        cases.append(case)

    ones = np.ones
    add("normal", "ratio", [random.normal(5, 2, 60), ones(60)], ratio)
    add("skewed", "ratio", [random.lognormal(0, 1, 80), ones(80)], ratio)
    add("right or wrong", "ratio", [(random.random(120) < 0.3).astype(float), ones(120)], ratio)
    lengths = random.integers(50, 4000, 50).astype(float)
    add("bits per byte", "ratio", [lengths * random.normal(1.1, 0.2, 50), lengths], ratio)
    hardness = random.normal(1.2, 0.3, 50)
    add("paired bits per byte", "difference",
        [lengths * hardness, lengths, lengths * (hardness + random.normal(0.03, 0.05, 50)), lengths], difference)
    add("six numbers", "ratio", [random.normal(0, 1, 6), ones(6)], ratio, enumerate=True)
    add("six documents", "ratio", [random.uniform(10, 90, 6), random.uniform(5, 50, 6)], ratio, enumerate=True)
    few = [random.uniform(10, 90, 6), random.uniform(5, 50, 6)]
    add("six documents, paired", "difference", [*few, few[0] + random.uniform(0, 9, 6), few[1]], difference, enumerate=True)
    folder = Path(__file__).parent / "bootstrap"
    folder.mkdir(exist_ok=True)
    facts = {"scipy": scipy.__version__, "draws": DRAWS, "confidence": CONFIDENCE, "cases": cases}
    (folder / "cases.json").write_text(json.dumps(facts, indent=1).replace("\n    ", " ") + "\n")


if __name__ == "__main__":
    main()
