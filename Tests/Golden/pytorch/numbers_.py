"""Inputs that Swift and Python make alike: a multiplicative hash of the index, in float32."""
import torch


def numbers(shape, seed, low=-1.0, high=1.0):
    count = 1
    for length in shape:
        count *= length
    index = torch.arange(count, dtype=torch.int64)
    mixed = (index * 2654435761 + (seed + 1) * 40503 * 65537) % (1 << 32)
    mixed = (mixed ^ (mixed >> 15)) * 2246822519 % (1 << 32)
    mixed = mixed ^ (mixed >> 13)
    unit = (mixed >> 8).to(torch.float64) / (1 << 24)
    return (unit * (high - low) + low).to(torch.float32).reshape(shape)


def integers(shape, seed, limit):
    return (numbers(shape, seed, 0.0, 1.0).to(torch.float64) * limit).to(torch.int64)
