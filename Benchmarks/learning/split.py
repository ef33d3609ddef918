"""Cuts NPY files in two: FILE ROWS PREFIX … writes PREFIX_first.npy and PREFIX_rest.npy."""
import ast
import struct
import sys

for path, rows, prefix in zip(sys.argv[1::3], sys.argv[2::3], sys.argv[3::3]):
    with open(path, "rb") as file:
        bytes_ = file.read()
    length = struct.unpack("<H", bytes_[8:10])[0]
    header, data = ast.literal_eval(bytes_[10 : 10 + length].decode()), bytes_[10 + length :]
    shape = header["shape"]
    size, first = len(data) // shape[0], int(rows)
    for name, part, count in [
        ("first", data[: first * size], first),
        ("rest", data[first * size :], shape[0] - first),
    ]:
        text = str({**header, "shape": (count, *shape[1:])})
        text += " " * (63 - (10 + len(text)) % 64) + "\n"
        with open(f"{prefix}_{name}.npy", "wb") as out:
            out.write(bytes_[:8] + struct.pack("<H", len(text)) + text.encode() + part)
