"""The character language models of examples/lstm.toml and examples/gpt.toml in PyTorch.

    python bench/quality/language_torch.py lstm|gpt [--steps N] [--seed N] [--threads N] [--keep FILE]

Same text, split, windows, architecture, distributions of initial weights, rule, schedule and batch size as the specs;
batches come in another random order. Without `--steps`, five epochs. With `--keep`, a run that was killed goes on from
the file. Prints validation bits per character, to be held
against Steepest's validation loss over ln 2.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import numpy
import torch
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench/peers"))
import torch_networks  # noqa: E402

WINDOW = 64


def windows(tokens):
    """Pairs of tokens and the same one further, window behind window."""
    count = (len(tokens) - 1) // WINDOW
    x = tokens[: count * WINDOW].reshape(count, WINDOW)
    y = tokens[1 : count * WINDOW + 1].reshape(count, WINDOW)
    return x, y


def corpus(folder):
    text = "".join(file.read_text(encoding="utf-8-sig") for file in sorted(folder.iterdir()))
    alphabet = sorted(set(text))
    index = {character: i for i, character in enumerate(alphabet)}
    tokens = torch.from_numpy(numpy.fromiter((index[c] for c in text), "int64", len(text)))
    held = round(0.05 * len(tokens))
    trained = len(tokens) - 2 * held
    return len(alphabet), windows(tokens[:trained]), windows(tokens[trained : trained + held])


def begin(kind, model, layers):
    """The initial weights of Steepest's layers."""
    for name, parameter in model.named_parameters():
        if kind == "lstm" and name == "head.weight":
            torch.nn.init.xavier_uniform_(parameter)
        elif kind == "lstm" and name.startswith("recurrent"):
            pass  # PyTorch's own: U(-1/√hidden, 1/√hidden)
        elif name.endswith("bias"):
            torch.nn.init.zeros_(parameter)
        elif "norm" not in name:
            residual = "out_proj" in name or "linear2" in name
            torch.nn.init.normal_(parameter, std=0.02 / math.sqrt(2 * layers) if residual else 0.02)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["lstm", "gpt"])
    parser.add_argument("--data", type=Path, default=ROOT / "data/state-of-the-union")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="where the run is kept every thousand steps")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    vocabulary, (x, y), (held_x, held_y) = corpus(options.data)
    spec = {"kind": options.kind, "vocabulary": vocabulary, "hidden": 256}
    spec |= {"layers": 4, "width": 128, "heads": 4, "length": WINDOW}
    if options.kind == "lstm":
        model, batch, warmup = torch_networks.Recurrent(spec), 32, 0.0
        optimizer = torch.optim.Adam(model.parameters(), 2e-3, fused=True)
    else:
        model, batch, warmup = torch_networks.Gpt(spec), 16, 0.02
        optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.01, fused=True)
    begin(options.kind, model, spec["layers"])
    epoch = math.ceil(len(x) / batch)
    steps = options.steps or 5 * epoch
    begun = round(warmup * steps)

    def share(step):
        if step < begun:
            return (step + 1) / begun
        return 0.5 * (1 + math.cos(math.pi * (step - begun) / max(1, steps - begun)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)

    def loss(x, y, reduction="mean"):
        return F.cross_entropy(model(x).flatten(0, -2), y.flatten(), reduction=reduction)

    def bits():
        with torch.no_grad():
            total = sum(loss(held_x[i : i + 256], held_y[i : i + 256], "sum").item() for i in range(0, len(held_x), 256))
        return total / held_y.numel() / math.log(2)

    def shuffled(number):
        return torch.randperm(len(x), generator=torch.Generator().manual_seed(1000 * options.seed + number))

    first, start = 0, time.perf_counter()
    parts = {"model": model, "optimizer": optimizer, "schedule": schedule}
    if options.keep and options.keep.exists():
        kept = torch.load(options.keep)
        first, start = kept["step"], start - kept["seconds"]
        for name, part in parts.items():
            part.load_state_dict(kept[name])
    order = shuffled(first // epoch)
    for step in range(first, steps):
        at = step % epoch * batch
        if options.keep and step % 1000 == 0 and step > first:
            kept = {name: part.state_dict() for name, part in parts.items()}
            torch.save(kept | {"step": step, "seconds": time.perf_counter() - start}, options.keep)
        if at == 0 and step > 0:
            order = shuffled(step // epoch)
            print(f"step {step} of {steps}: {bits():.4f} bits per character, {time.perf_counter() - start:.0f} s", flush=True)
        rows = order[at : at + batch]
        optimizer.zero_grad(set_to_none=True)
        loss(x[rows], y[rows]).backward()
        optimizer.step()
        schedule.step()
    print(f"step {steps} of {steps}: {bits():.4f} bits per character, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
