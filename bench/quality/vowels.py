"""Accuracy on the Japanese vowels over seeds: Steepest's examples/japanese_vowels.toml and the same in PyTorch.

    cargo xtask data japanese-vowels && cargo build --release -p steepest-cli
    python bench/quality/vowels.py            # five seeds, two threads

Two layers of gated recurrent units read each example both ways, without the padding behind its end; half of what the
first layer gives the second is dropped. Channels are standardized by the steps of the training examples, Adam's rate
falls from 0.003 along half a cosine, 40 epochs of batches of 32. Recurrent weights begin with PyTorch's defaults, the
head with Xavier's uniform distribution; random numbers and orders are each system's own.
"""

import argparse
import math
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, BATCH, RATE, HIDDEN = 40, 32, 0.003, 128


def steepest(seed, threads):
    with tempfile.TemporaryDirectory() as folder:
        line = [ROOT / "target/release/steepest", "train", ROOT / "examples/japanese_vowels.toml"]
        line += ["--seed", str(seed), "--threads", str(threads), "--out", Path(folder) / "run"]
        said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"accuracy (\S+)", said[said.rindex("test") :]).group(1))


def examples(part):
    """Series of shape [steps, 12], and the speaker of each."""
    import torch

    lines = (ROOT / f"data/japanese-vowels/{part}.ts").read_text().lower().split("@data\n")[1].split()
    rows = [line.split(":") for line in lines]
    series = [torch.tensor([[float(x) for x in channel.split(",")] for channel in row[:-1]]).T for row in rows]
    return series, torch.tensor([int(row[-1]) - 1 for row in rows])


def pytorch(seed, threads):
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pack_sequence

    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    (train, speakers), (test, truth) = examples("train"), examples("test")
    steps = torch.cat(train)
    mean, deviation = steps.mean(0), steps.std(0, correction=0)
    train, test = ([(x - mean) / deviation for x in part] for part in (train, test))
    gru = nn.GRU(12, HIDDEN, num_layers=2, bidirectional=True, dropout=0.5)
    head = nn.Linear(2 * HIDDEN, 9)
    nn.init.xavier_uniform_(head.weight)
    nn.init.zeros_(head.bias)

    def scores(series):
        last = gru(pack_sequence(series, enforce_sorted=False))[1]
        return head(torch.cat([last[-2], last[-1]], 1))

    adam = torch.optim.Adam([*gru.parameters(), *head.parameters()], RATE)
    total = EPOCHS * math.ceil(len(train) / BATCH)
    cosine = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / total))
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train)).split(BATCH):
            loss = nn.functional.cross_entropy(scores([train[row] for row in rows]), speakers[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            cosine.step()
    gru.eval()
    with torch.no_grad():
        return (scores(test).argmax(1) == truth).double().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    for name, train in [("Steepest", steepest), ("PyTorch", pytorch)]:
        found = [train(seed, options.threads) for seed in range(1, options.seeds + 1)]
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        each = ", ".join(f"{x:.4f}" for x in found)
        print(f"{name}: {statistics.mean(found):.4f} ± {spread:.4f} ({each})", flush=True)


if __name__ == "__main__":
    main()
