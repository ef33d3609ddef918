"""Trains the model of `apus train --scale tiny` with plain eager PyTorch; one JSON object on standard output.

    PYTHONPATH=.deps/torch python3 Benchmarks/training/peer.py SHARDS TOKENS THREADS float32|bfloat16

What a PyTorch user would write: torch's own layer norms, fused attention, AdamW (fused) and clipping, the whole batch at once.
"""
import contextlib, json, math, sys, time, warnings

warnings.filterwarnings("ignore")  # numpy's absence
import torch
from torch import nn
from torch.nn import functional as F

folder, tokens, threads, precision = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
torch.set_num_threads(threads)
torch.manual_seed(124)
WIDTH, LAYERS, HEADS, BATCH = 96, 4, 2, 16
PEAK, FINAL, DECAY, Z = 3e-3, 3e-5, 0.033, 1e-4
HIDDEN = (8 * WIDTH // 3 + 255) // 256 * 256


def linear(inputs, outputs, deviation):
    layer = nn.Linear(inputs, outputs, bias=False)
    nn.init.trunc_normal_(layer.weight, std=deviation, a=-3 * deviation, b=3 * deviation)
    return layer


class Norm(nn.LayerNorm):
    def __init__(self):
        super().__init__(WIDTH, eps=1e-5, bias=False)


class Block(nn.Module):
    def __init__(self, number):
        super().__init__()
        usual, scale = 1 / math.sqrt(WIDTH), math.sqrt(2 * (number + 1))
        self.attention_norm, self.q_norm, self.k_norm, self.ffn_norm = Norm(), Norm(), Norm(), Norm()
        self.in_proj = linear(WIDTH, 3 * WIDTH, usual)
        self.out_proj = linear(WIDTH, WIDTH, usual / scale)
        self.w12 = linear(WIDTH, 2 * HIDDEN, usual)
        self.w3 = linear(HIDDEN, WIDTH, 1 / math.sqrt(HIDDEN) / scale)

    def forward(self, x, cosine, sine):
        batch, time, _ = x.shape
        heads = lambda t: t.view(batch, time, HEADS, -1).transpose(1, 2)

        def rotate(t):
            first, second = t.chunk(2, -1)
            return t * cosine + torch.cat([-second, first], -1) * sine

        q, k, v = self.in_proj(self.attention_norm(x)).chunk(3, -1)
        q, k = rotate(heads(self.q_norm(q))), rotate(heads(self.k_norm(k)))
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), heads(v), is_causal=True)
        x = x + self.out_proj(mixed.transpose(1, 2).reshape(batch, time, WIDTH))
        gate, up = self.w12(self.ffn_norm(x)).chunk(2, -1)
        return x + self.w3(F.silu(gate) * up)


class Transformer(nn.Module):
    def __init__(self, vocabulary, length):
        super().__init__()
        usual = 1 / math.sqrt(WIDTH)
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        nn.init.trunc_normal_(self.embedding.weight, std=usual, a=-3 * usual, b=3 * usual)
        self.blocks = nn.ModuleList(Block(number) for number in range(LAYERS))
        self.norm, self.output = Norm(), linear(WIDTH, vocabulary, usual)
        half = WIDTH // HEADS // 2
        angle = torch.outer(torch.arange(length), 10000.0 ** (-torch.arange(half) / half)).repeat(1, 2)
        self.register_buffer("cosine", angle.cos())
        self.register_buffer("sine", angle.sin())

    def forward(self, tokens):
        x = self.embedding(tokens)
        for block in self.blocks:
            x = block(x, self.cosine, self.sine)
        return self.output(self.norm(x))


manifest = json.load(open(f"{folder}/manifest.json"))
assert manifest["tokenBytes"] == 2, "the vocabulary must be below 65,537"
length = manifest["sequenceLength"]
data = b"".join(open(f"{folder}/{shard['file']}", "rb").read() for shard in manifest["shards"])
sequences = torch.frombuffer(bytearray(data), dtype=torch.uint16).to(torch.int64).view(-1, length + 1)
steps = tokens // (BATCH * length)
warm_up = max(1, steps // 10)


def rate(step):
    if step < warm_up:
        return PEAK * (step + 1) / warm_up
    return FINAL + 0.5 * (1 + math.cos(math.pi * (step - warm_up) / (steps - warm_up))) * (PEAK - FINAL)


model = Transformer(manifest["vocabularySize"], length)
optimiser = torch.optim.AdamW(model.parameters(), lr=PEAK, betas=(0.9, 0.95), weight_decay=DECAY, fused=True)
cast = torch.autocast("cpu", torch.bfloat16) if precision == "bfloat16" else contextlib.nullcontext()
order = torch.randperm(len(sequences))
losses = []
wall, processor = time.perf_counter(), time.process_time()
for step in range(steps):
    batch = sequences[order[torch.arange(step * BATCH, (step + 1) * BATCH) % len(order)]]
    with cast:
        logits = model(batch[:, :-1])
    logits = logits.float().flatten(0, 1)
    loss = F.cross_entropy(logits, batch[:, 1:].flatten())
    optimiser.zero_grad()
    (loss + Z * logits.logsumexp(-1).square().mean()).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    for group in optimiser.param_groups:
        group["lr"] = rate(step)
    optimiser.step()
    losses.append(loss.item())
print(json.dumps({
    "tokens": steps * BATCH * length, "seconds": time.perf_counter() - wall, "processorSeconds": time.process_time() - processor,
    "parameters": sum(p.numel() for p in model.parameters()), "loss": sum(losses[-20:]) / 20, "torch": torch.__version__}))
