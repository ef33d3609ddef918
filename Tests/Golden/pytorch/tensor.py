"""Writes tensor.json: values, gradients and optimiser steps of PyTorch for the cases of ApusTensorTests.

    python3 Tests/Golden/pytorch/tensor.py        (needs torch, numpy and safetensors)
"""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save

from numbers_ import integers, numbers

CASES = {
    "add": (lambda a, b: a + b, [[3, 4], [4]]),
    "subtract": (lambda a, b: a - b, [[2, 1, 4], [3, 1]]),
    "multiply": (lambda a, b: a * b, [[3, 4], [3, 1]]),
    "divide": (lambda a, b: a / (b + 3.0), [[3, 4], [3, 4]]),
    "exponential": (lambda a: a.exp(), [[5]]),
    "logarithm": (lambda a: (a + 2.0).log(), [[5]]),
    "tanh": (lambda a: a.tanh(), [[5]]),
    "silu": (lambda a: F.silu(a), [[2, 5]]),
    "square": (lambda a: a.square(), [[2, 5]]),
    "matmul": (lambda a, b: a @ b, [[2, 3, 4], [4, 5]]),
    "batched matmul": (lambda a, b: a @ b, [[2, 3, 4], [2, 4, 2]]),
    "linear": (lambda x, w, b: F.linear(x, w, b), [[2, 3, 4], [5, 4], [5]]),
    "layer norm": (lambda x, g: F.layer_norm(x, (6,), g, None, 1e-5), [[2, 3, 6], [6]]),
    "embedding": (lambda w: F.embedding(integers([2, 4], 7, 6), w), [[6, 3]]),
    "cross entropy": (lambda x: F.cross_entropy(x, integers([4], 8, 6)), [[4, 6]]),
    "attention": (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), [[2, 2, 5, 4]] * 3),
    "log sum exp": (lambda a: a.logsumexp(1), [[3, 5]]),
    "log softmax": (lambda a: a.log_softmax(1), [[3, 5]]),
    "gather": (lambda a: a.gather(1, integers([3, 2], 9, 5)), [[3, 5]]),
    "slices": (lambda a: torch.cat([a.narrow(1, 2, 3), a.narrow(1, 0, 2)], 1), [[3, 5]]),
    "split": (lambda a: a.split([2, 3], 1)[1], [[3, 5]]),
    "transpose": (lambda a: a.transpose(0, 2).reshape(4, 6), [[2, 3, 4]]),
    "mean": (lambda a: a.mean(), [[3, 5]]),
    "sum": (lambda a: a.sum(), [[3, 5]]),
}


def case(function, shapes):
    inputs = [numbers(shape, seed).requires_grad_() for seed, shape in enumerate(shapes)]
    result = function(*inputs)
    result.backward(numbers(list(result.shape), 50))
    flat = lambda tensor: [float(x) for x in tensor.detach().reshape(-1)]
    return {
        "inputs": shapes, "shape": list(result.shape), "values": flat(result),
        "gradients": [flat(x.grad) for x in inputs],
    }


def adamw():
    weights = [numbers([3, 4], 20).requires_grad_(), numbers([4], 21).requires_grad_()]
    optimiser = torch.optim.AdamW(weights, lr=1.0, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
    steps = []
    for step in range(6):
        optimiser.zero_grad()
        (numbers([5, 3], 30 + step) @ weights[0] * weights[1]).square().sum().backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimiser.param_groups[0]["lr"] = 0.01 * (step + 1)
        optimiser.step()
        steps.append({"norm": float(norm), "weights": [[float(x) for x in w.detach().reshape(-1)] for w in weights]})
    return steps


torch.set_num_threads(1)
golden = {
    "torch": torch.__version__,
    "cases": {name: case(*arguments) for name, arguments in CASES.items()},
    "adamw": adamw(),
    "safetensors": save(
        {
            "zeta": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "ids": torch.tensor([5, -6]), "alpha": torch.tensor(0.5),
            "flags": torch.tensor([True, False, True]), "brain": torch.tensor([1.0, -2.0]).bfloat16(),
        },
        {"step": "7"},
    ).hex(),
}
path = pathlib.Path(__file__).with_name("tensor.json")
path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")
print(path, path.stat().st_size, "bytes")
