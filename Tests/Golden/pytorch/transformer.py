"""Writes transformer.safetensors and transformer.json: the OpenLM architecture, its loss and its training steps.

    python3 Tests/Golden/pytorch/transformer.py        (needs torch)

A plain implementation in float64 of what the specification says, from which LanguageModelsTests may differ by rounding
alone. Only the optimiser, the clipping and the truncated normal distribution are PyTorch's own.
"""
import json
import math
import pathlib
import struct

import torch

from numbers_ import integers, numbers

VOCABULARY, WIDTH, LAYERS, HEADS, TIME, BATCH = 40, 8, 2, 2, 12, 4
HIDDEN = 256 * math.ceil((8 * WIDTH // 3) / 256)
Z, DECAY, STEPS, WARM_UP, PEAK, FINAL = 1e-2, 0.1, 6, 2, 2e-2, 1e-3


def initial():
    """Weights that differ everywhere, gains too."""
    shapes = {"tok_embeddings.weight": [VOCABULARY, WIDTH]}
    for layer in range(LAYERS):
        prefix = f"layers.{layer}."
        shapes |= {
            prefix + "attention_norm.weight": [WIDTH], prefix + "attention.in_proj.weight": [3 * WIDTH, WIDTH],
            prefix + "attention.q_norm.weight": [WIDTH], prefix + "attention.k_norm.weight": [WIDTH],
            prefix + "attention.out_proj.weight": [WIDTH, WIDTH], prefix + "ffn_norm.weight": [WIDTH],
            prefix + "feed_forward.w12.weight": [2 * HIDDEN, WIDTH], prefix + "feed_forward.w3.weight": [WIDTH, HIDDEN],
        }
    shapes |= {"norm.weight": [WIDTH], "output.weight": [VOCABULARY, WIDTH]}
    return {
        name: numbers(shape, seed) * 0.3 + 1 if len(shape) == 1 else numbers(shape, seed) / math.sqrt(shape[1])
        for seed, (name, shape) in enumerate(shapes.items())
    }


def norm(x, gain):
    centred = x - x.mean(-1, keepdim=True)
    return centred / (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt() * gain


def rotate(x):
    """x: batch, time, heads, width. Element i pairs with element i + width/2."""
    time, width = x.shape[1], x.shape[3]
    angle = torch.arange(time, dtype=x.dtype)[:, None] * 10000.0 ** (-torch.arange(0, width, 2, dtype=x.dtype) / width)
    cosine, sine = angle.cos()[:, None, :], angle.sin()[:, None, :]
    first, second = x[..., : width // 2], x[..., width // 2 :]
    return torch.cat([first * cosine - second * sine, second * cosine + first * sine], -1)


def attention(x, w, prefix):
    batch, time, _ = x.shape
    q, k, v = (x @ w[prefix + "in_proj.weight"].T).split(WIDTH, -1)
    heads = lambda t: t.reshape(batch, time, HEADS, WIDTH // HEADS)
    q = rotate(heads(norm(q, w[prefix + "q_norm.weight"])))
    k = rotate(heads(norm(k, w[prefix + "k_norm.weight"])))
    scores = torch.einsum("bqhd,bkhd->bhqk", q, k) / math.sqrt(WIDTH // HEADS)
    later = torch.arange(time)[None, :] > torch.arange(time)[:, None]
    mixed = torch.einsum("bhqk,bkhd->bqhd", scores.masked_fill(later, -math.inf).softmax(-1), heads(v))
    return mixed.reshape(batch, time, WIDTH) @ w[prefix + "out_proj.weight"].T


def feed_forward(x, w, prefix):
    gate, up = (x @ w[prefix + "w12.weight"].T).split(HIDDEN, -1)
    return (gate / (1 + (-gate).exp()) * up) @ w[prefix + "w3.weight"].T


def logits(tokens, w):
    x = w["tok_embeddings.weight"][tokens]
    for layer in range(LAYERS):
        prefix = f"layers.{layer}."
        h = x + attention(norm(x, w[prefix + "attention_norm.weight"]), w, prefix + "attention.")
        x = h + feed_forward(norm(h, w[prefix + "ffn_norm.weight"]), w, prefix + "feed_forward.")
    return norm(x, w["norm.weight"]) @ w["output.weight"].T


def losses(rows, targets):
    log_sum = rows.exp().sum(-1).log()
    cross_entropy = (log_sum - rows.gather(-1, targets[..., None])[..., 0]).mean()
    return cross_entropy, Z * log_sum.square().mean()


def rate(step, steps, warm_up, peak, final):
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return final + 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) * (peak - final)


def write_safetensors(tensors, path):
    header, data = {}, b""
    for name, tensor in tensors.items():
        values = tensor.detach().to(torch.float32).reshape(-1).tolist()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + 4 * len(values)]}
        data += struct.pack(f"<{len(values)}f", *values)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def train(epsilon, keep):
    """Six steps; the numbers of each, and with `keep` the weights after the first and the last."""
    weights = {name: value.double().requires_grad_() for name, value in initial().items()}
    optimiser = torch.optim.AdamW(
        list(weights.values()), lr=1.0, betas=(0.9, 0.95), eps=epsilon, weight_decay=DECAY)
    steps = []
    for step in range(STEPS):
        sequences = integers([BATCH, TIME + 1], 100 + step, VOCABULARY)
        rows = logits(sequences[:, :-1], weights)
        cross_entropy, z_loss = losses(rows, sequences[:, 1:])
        optimiser.zero_grad()
        (cross_entropy + z_loss).backward()
        if keep:
            golden["sequences"].append(sequences.reshape(-1).tolist())
        if keep and step == 0:
            golden["logits"] = [float(x) for x in rows.detach().float().reshape(-1)]
            tensors.update({"before." + name: value.detach().clone() for name, value in weights.items()})
            tensors.update({"gradient." + name: value.grad.clone() for name, value in weights.items()})
        total = torch.nn.utils.clip_grad_norm_(list(weights.values()), 1.0)
        optimiser.param_groups[0]["lr"] = rate(step, STEPS, WARM_UP, PEAK, FINAL)
        optimiser.step()
        steps.append({"loss": cross_entropy.item(), "zLoss": z_loss.item(), "norm": total.item()})
        if keep and step in (0, STEPS - 1):
            tensors.update({f"after{step + 1}." + name: value.detach().clone() for name, value in weights.items()})
    return steps


torch.set_num_threads(1)
tensors = {}
golden = {"torch": torch.__version__, "sequences": []}
# Where a gradient is smaller than float32's rounding of it, an epsilon of 1e-8 makes its sign the whole update. A larger one
# lets weights be compared one by one; with the real one, losses are.
golden["smooth"] = train(1e-4, keep=True)
golden["steps"] = train(1e-8, keep=False)

golden["schedule"] = [[s, rate(s, 7851, 2000, 3e-3, 3e-5)] for s in (0, 1, 999, 1999, 2000, 2001, 4500, 7000, 7849, 7850)]

torch.manual_seed(1)
sample = torch.nn.init.trunc_normal_(torch.empty(4_000_000, dtype=torch.float64), std=1.0, a=-3.0, b=3.0)
golden["truncated"] = {
    "deviation": sample.std().item(), "absolute": sample.abs().mean().item(), "fourth": sample.pow(4).mean().item(),
}

folder = pathlib.Path(__file__).parent
write_safetensors(tensors, folder / "transformer.safetensors")
(folder / "transformer.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
for name in ("transformer.safetensors", "transformer.json"):
    print(folder / name, (folder / name).stat().st_size, "bytes")
