"""Prints the tables of Benchmarks/learning from the JSON that its script wrote."""
import json
import sys

folder = sys.argv[1]


def read(name):
    with open(f"{folder}/{name}.json") as file:
        return json.load(file)


def table(head, rows):
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def labels(name):
    strategies = read(name)["strategies"]
    counts = strategies[0]["labels"]
    rows = []
    for one in strategies:
        cells = []
        for accuracy, (low, high), (least, most) in zip(
            one["accuracy"], one["interval"], one["overRandomInterval"]
        ):
            mark = " ▲" if least > 0 else " ▼" if most < 0 else ""
            cells.append(f"{100 * accuracy:.1f} ± {50 * (high - low):.1f}{mark}")
        matched = one["labelsToMatchRandom"]
        rows.append([one["name"], *cells, "–" if matched is None else matched])
    table(["strategy", *counts, "labels to match random's last"], rows)


def spread(value, digits):
    return f"{value['mean']:.{digits}f} ± {(value['high'] - value['low']) / 2:.{digits}f}"


print("Labels, all rows there from the start\n")
labels("active")
print("Labels, a stream with 1,000 unlabelled rows kept\n")
labels("stream-of-labels")
def training(title, name):
    print(f"{title}\n")
    data = read(name)
    table(
        ["method", "gradients", "loss", "test accuracy, %", "gradient error", "at random weights", "choosing, s",
         "training, s"],
        [
            [
                one["name"],
                f"{one['gradients']:,}",
                spread(one["loss"], 4),
                spread({key: 100 * value for key, value in one["accuracy"].items()}, 2),
                "" if one["name"] == "crest" else spread(one["gradientError"], 4),
                spread(one["randomPointError"], 4) if "randomPointError" in one else "",
                f"{one['selectionSeconds']['mean']:.2f}",
                f"{one['trainingSeconds']['mean']:.3f}",
            ]
            for one in data["methods"]
        ],
    )
    seeds = data["seeds"]

    def reached(one):
        if not one["seeds"]:
            return "–"
        cell = f"{one['gradients']['mean']:,.0f}; {one['seconds']['mean']:.2f} s"
        return cell if one["seeds"] == seeds else f"{cell} ({one['seeds']} of {seeds})"

    within = [one["within"] for one in data["methods"][0]["reached"]]
    table(
        ["method", *(f"within {100 * share:.1f} %" for share in within)],
        [[one["name"], *map(reached, one["reached"])] for one in data["methods"]],
    )
    print("L(S):", ", ".join(f"class {one['label']} {one['cost']:.1f}" for one in data.get("craig", [])), "\n")


training("Training, a tenth of ijcnn1", "training")
training("Training, three tenths of ijcnn1", "training-0.3")
training("Training, a network on a fifth of MNIST", "network")
print("Time\n")
table(
    ["rows/s", "batches", "late", "dropped", "50 %, ms", "90 %, ms", "99 %, ms", "share of greedy", "random", "proven"],
    [
        [
            f"{one['rate']:,.0f}",
            one["chosen"],
            one["late"],
            one["dropped"],
            *(f"{one[key]:.2f}" for key in ("p50", "p90", "p99")),
            *(f"{one.get(key, float('nan')):.3f}" for key in ("quality", "randomQuality", "guarantee")),
        ]
        for one in read("time")["rates"]
    ],
)
print("Time, with labels that come back\n")


def interval(one, name):
    low, high = one[f"{name}Interval"]
    return f"{100 * one[name]:.2f} ± {50 * (high - low):.2f}"


table(
    ["rows/s", "late", "dropped", "50 %, ms", "99 %, ms", "accuracy, %", "of random picks, %", "difference"],
    [
        [
            f"{one['rate']:,.0f}",
            f"{one['late']} of {one['chosen']}",
            one["dropped"],
            *(f"{one[key]:.2f}" for key in ("p50", "p99")),
            *(interval(one, name) for name in ("accuracy", "randomAccuracy", "overRandom")),
        ]
        for one in read("time-labels")["rates"]
    ],
)
print("Parts\n")
table(
    ["backend", "share of the central objective", "s", "central, s"],
    [
        [name, f"{one['share']:.4f}", f"{one['seconds']:.2f}", f"{one['centralSeconds']:.2f}"]
        for name in ("embedded", "local")
        for one in [read(f"shards-{name}")]
    ],
)
