#!/usr/bin/env python3
"""Makes Tests/Golden/fasttext/corpus.json: held-out accuracy of classifiers that the reference (PyPI fasttext-wheel)
trains on ../shared/data/corpus. Every fifth document is held out; the others are in an order drawn by seed.

    python3 -m venv .deps/peers/classifier && .deps/peers/classifier/bin/pip install fasttext-wheel 'numpy<2'
    .deps/peers/classifier/bin/python Tests/Golden/fasttext_training.py ../shared/data/corpus
"""
import json
import os
import random
import sys
import tempfile

import fasttext

VARIANTS = {
    "words": dict(wordNgrams=1),
    "pairs": dict(wordNgrams=2, bucket=200_000),
    "characters": dict(wordNgrams=1, minn=3, maxn=4, bucket=50_000, dim=20),
    "pairs-hs": dict(wordNgrams=2, bucket=200_000, loss="hs"),
    "pairs-ova": dict(wordNgrams=2, bucket=200_000, loss="ova"),
}


def main():
    train, test = [], []
    for label, name in (("hq", "good.jsonl"), ("cc", "bad.jsonl")):
        with open(os.path.join(sys.argv[1], name)) as file:
            for number, line in enumerate(file):
                text = " ".join(json.loads(line)["text"].split())
                (test if number % 5 == 0 else train).append((label, text))
    results = {}
    for name, options in VARIANTS.items():
        accuracies = []
        for seed in range(3):
            random.Random(seed).shuffle(train)
            with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
                file.writelines(f"__label__{label} {text}\n" for label, text in train)
                file.flush()
                model = fasttext.train_supervised(file.name, thread=1, seed=seed, verbose=0, **options)
            right = sum(model.f.predict(text + "\n", 1, 0.0, "strict")[0][1] == "__label__" + label for label, text in test)
            accuracies.append(right / len(test))
        results[name] = {"options": options, "accuracies": accuracies}
        print(name, accuracies, flush=True)
    with open(os.path.join(os.path.dirname(__file__), "fasttext", "corpus.json"), "w") as file:
        json.dump({"train": len(train), "test": len(test), "results": results}, file, indent=1)


main()
