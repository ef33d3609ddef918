"""Times PyPI's tokenizers and `apus bench tokenization` in turn; see README.md. Called by ./run."""

import array, hashlib, json, os, statistics, subprocess, sys, tempfile, time

import tokenizers
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

ROUNDS = 3
MEGABYTES = 50
VOCABULARY = 32000

split = sys.argv.index("--")
vocabularies, files = sys.argv[1:split], sys.argv[split + 1 :]
texts = [json.loads(line)["text"] for file in files for line in open(file, encoding="utf-8")]
size = sum(len(text.encode()) for text in texts)


def apus(*arguments):
    output = subprocess.check_output(
        [".build/release/apus", "bench", "tokenization", "--json", "--rounds", "1", *arguments, *files])
    report = json.loads(output)
    return report["results"][0]["value"], report["input"]["sha256"]


def encode(tokenizer, repeats):
    """MB/s, and the digest of the ids of one pass."""
    start = time.process_time()
    for _ in range(repeats):
        # Without offsets, the peer's fastest call.
        encodings = tokenizer.encode_batch_fast(texts, add_special_tokens=False)
    seconds = time.process_time() - start
    digest = hashlib.sha256()
    for encoding in encodings:
        digest.update(array.array("I", encoding.ids).tobytes())
    return size * repeats / 1e6 / seconds, digest.hexdigest()


def train():
    """Seconds, and the tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<|endoftext|>"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    start = time.process_time()
    tokenizer.train_from_iterator(texts, trainer)
    return time.process_time() - start, tokenizer


def line(name, ours, peer, unit, ratio):
    a, b = statistics.median(ours), statistics.median(peer)
    print(f"{name} · {a:.4g} {unit} · {b:.4g} {unit} · {ratio(a, b):.2f}", flush=True)


print(f"# tokenizers {tokenizers.__version__}, {len(texts)} documents, {size / 1e6:.1f} MB; name · Apus · peer · ratio")
for path in vocabularies:
    name = os.path.basename(os.path.dirname(os.path.abspath(path)))
    again = [(f"repeated to {MEGABYTES} MB", -(-MEGABYTES * 1_000_000 // size))] if path == vocabularies[0] else []
    for label, repeats in [("once", 1)] + again:
        ours, peer = [], []
        for _ in range(ROUNDS):
            ours.append(apus("--tokenizer", path, "--megabytes", str(MEGABYTES if repeats > 1 else 0)))
            # Read anew, so that its cache is as empty as ours.
            peer.append(encode(Tokenizer.from_file(path), repeats))
        assert {digest for _, digest in ours + peer} == {ours[0][1]}, f"{name}: ids differ"
        line(f"encode, {name}, {label}", [r for r, _ in ours], [r for r, _ in peer], "MB/s", lambda a, b: a / b)

ours, peer = [], []
for _ in range(ROUNDS):
    ours.append(apus("--train", str(VOCABULARY))[0])
    seconds, tokenizer = train()
    peer.append(seconds)
line(f"train, {VOCABULARY} tokens", ours, peer, "s", lambda a, b: b / a)

# The trained vocabulary must be the peer's, and must load there and give our ids.
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "tokenizer.json")
    subprocess.check_call(
        [".build/release/apus", "tokenize", "train", *files, "--vocabulary-size", str(VOCABULARY), "--out", path, "--quiet"],
        stdout=subprocess.DEVNULL)
    trained = Tokenizer.from_file(path)
    assert trained.get_vocab() == tokenizer.get_vocab(), "the trained vocabularies differ"
    merges = lambda t: [tuple(m) if isinstance(m, list) else tuple(m.split(" ")) for m in json.loads(t.to_str())["model"]["merges"]]
    assert merges(trained) == merges(tokenizer), "the trained merges differ"
    assert encode(trained, 1)[1] == apus("--tokenizer", path)[1], "ids of the trained vocabulary differ"
print(f"# ids equal; trained merges equal; our tokenizer.json loads in the peer and gives our ids")
