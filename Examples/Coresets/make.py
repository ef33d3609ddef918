"""Makes the data of Examples/Coresets: the same every time, with Python's standard library alone."""
import json
import random
import struct
import sys

folder = sys.argv[1]
draw = random.Random(7)


def npy(name, kind, values):
    code = {"u1": "B", "f8": "d"}[kind]
    text = "{'descr': '%s', 'fortran_order': False, 'shape': (%d,), }" % (("|" if kind == "u1" else "<") + kind, len(values))
    text += " " * (63 - (len(text) + 10) % 64) + "\n"
    with open(f"{folder}/{name}.npy", "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode())
        file.write(struct.pack(f"<{len(values)}{code}", *values))


# Six clouds of very different sizes, and a few points far away.
centres = [(0, 0), (6, 1), (1, 7), (8, 8), (-5, 5), (4, -5)]
sizes = [1200, 800, 500, 300, 150, 40]
points = [(cloud, x + draw.gauss(0, 1), y + draw.gauss(0, 1)) for cloud, (x, y) in enumerate(centres) for _ in range(sizes[cloud])]
points += [(draw.randrange(6), draw.uniform(-12, 16), draw.uniform(-12, 16)) for _ in range(10)]
draw.shuffle(points)
with open(f"{folder}/points.csv", "w") as file:
    file.write("x,y\n")
    file.writelines(f"{x:.4f},{y:.4f}\n" for _, x, y in points)
npy("groups", "u1", [cloud for cloud, _, _ in points])
npy("halves", "u1", [int(x + y > 6) for _, x, y in points])
npy("costs", "f8", [1.0 + 9 * draw.random() for _ in points])

# Discs, bars, rings and noise, a little different each.
for number in range(60):
    kind, shift = number % 4, draw.uniform(-3, 3)
    pixels = bytearray()
    for row in range(32):
        for column in range(32):
            across, down = column - 16 - shift, row - 16 + shift
            far = (across * across + down * down) ** 0.5
            inside = [far < 9, abs(across) < 4, 7 < far < 11, draw.random() < 0.3][kind]
            pixels.append(min(255, max(0, int((220 if inside else 30) + draw.gauss(0, 10)))))
    with open(f"{folder}/images/{['disc', 'bar', 'ring', 'noise'][kind]}-{number:02}.pgm", "wb") as file:
        file.write(b"P5\n32 32\n255\n" + bytes(pixels))

topics = [
    "swift wing nest feather migrate roost egg flight dusk insect".split(),
    "tensor gradient loss layer batch weight epoch model token tune".split(),
    "flour butter oven sugar dough yeast crust salt knead bake".split(),
]
with open(f"{folder}/pages.jsonl", "w") as file:
    for number in range(500):
        words = topics[min(2, draw.randrange(10) // 4)]
        text = " ".join(draw.choice(words) for _ in range(60))
        file.write(json.dumps({"url": f"https://example.org/{number}", "text": text}) + "\n")
