"""Accuracy of the networks over images over seeds: Steepest's examples and the same in PyTorch.

    cargo xtask data mnist && cargo xtask data fashion-mnist && cargo build --release -p steepest-cli
    python bench/quality/images.py mnist_cnn            # or fashion_mnist_cnn, mnist_lstm; five seeds of each system

The specs are examples/NAME.toml. PyTorch has the same layers, distributions of initial weights, dropout, augmentation,
rule, schedule and batch size, holds the same share of rows back, and ends with the weights that did best on them;
random numbers and orders are each system's own. With `--keep FILE` a line is written for each training that is done, and a
second call leaves those out.
"""

import argparse
import copy
import json
import math
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, BATCH, HELD = 10, 64, 0.05
# The folder of the data, Adam's rate, and by how many pixels training images move and whether they are mirrored.
TASKS = {
    "mnist_cnn": ("mnist", 0.001, 2, False),
    "fashion_mnist_cnn": ("fashion-mnist", 0.001, 1, True),
    "mnist_lstm": ("mnist", 0.002, 0, False),
}


def steepest(task, seed, threads):
    with tempfile.TemporaryDirectory() as folder:
        line = [ROOT / "target/release/steepest", "train", ROOT / f"examples/{task}.toml"]
        line += ["--seed", str(seed), "--threads", str(threads), "--out", Path(folder) / "run"]
        said = subprocess.run(line, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"accuracy (\S+)", said[said.rindex("test") :]).group(1))


def read(folder, part):
    """Images of shape [count, 28, 28] between 0 and 1, and their classes."""
    import gzip

    import numpy
    import torch

    def bytes_of(name):
        file = ROOT / "data" / folder / name
        data = file.read_bytes() if file.exists() else gzip.decompress(file.with_name(name + ".gz").read_bytes())
        return numpy.frombuffer(data, numpy.uint8)

    images = bytes_of(f"{part}-images-idx3-ubyte")[16:].reshape(-1, 28, 28)
    classes = bytes_of(f"{part}-labels-idx1-ubyte")[8:]
    return torch.from_numpy(images / numpy.float32(255)), torch.from_numpy(classes.astype("int64"))


def network(task):
    import torch
    from torch import nn

    class Rows(nn.Module):
        """The last state of an LSTM over the rows of an image, and a linear head."""

        def __init__(self):
            super().__init__()
            self.lstm, self.head = nn.LSTM(28, 128, batch_first=True), nn.Linear(128, 10)
            nn.init.xavier_uniform_(self.head.weight)
            nn.init.zeros_(self.head.bias)

        def forward(self, x):
            return self.head(self.lstm(x)[1][0][-1])

    if task == "mnist_lstm":
        return Rows()
    layers = [nn.Unflatten(1, (1, 28)), nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Dropout(0.3), nn.Flatten(), nn.Linear(64 * 144, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10)]
    for layer in layers:
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
    nn.init.xavier_uniform_(layers[-1].weight)
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def moved(images, shift, flip):
    """Images moved by up to `shift` pixels along each axis, and mirrored half of the time."""
    import torch

    if shift == 0 and not flip:
        return images
    count, size = len(images), images.shape[1]
    padded = torch.nn.functional.pad(images, (shift,) * 4)
    down, right = torch.randint(0, 2 * shift + 1, (2, count, 1))
    rows, columns = torch.arange(size) + down, torch.arange(size) + right
    if flip:
        columns = torch.where(torch.rand(count, 1) < 0.5, columns.flip(1), columns)
    return padded[torch.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]


def pytorch(task, seed, threads):
    import torch
    from torch.nn import functional as F

    folder, rate, shift, flip = TASKS[task]
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    (x, y), (test_x, test_y) = read(folder, "train"), read(folder, "t10k")
    order = torch.randperm(len(x))
    held, trained = order[: round(HELD * len(x))], order[round(HELD * len(x)) :]
    net = network(task)
    adam = torch.optim.Adam(net.parameters(), rate, fused=True)
    total = EPOCHS * math.ceil(len(trained) / BATCH)
    cosine = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: 0.5 + 0.5 * math.cos(math.pi * step / total))

    def scores(images):
        net.eval()
        with torch.no_grad():
            return torch.cat([net(part) for part in images.split(1000)])

    best = (math.inf, None)
    for _ in range(EPOCHS):
        net.train()
        for rows in trained[torch.randperm(len(trained))].split(BATCH):
            loss = F.cross_entropy(net(moved(x[rows], shift, flip)), y[rows])
            adam.zero_grad()
            loss.backward()
            adam.step()
            cosine.step()
        loss = F.cross_entropy(scores(x[held]), y[held]).item()
        if loss < best[0]:
            best = (loss, copy.deepcopy(net.state_dict()))
    net.load_state_dict(best[1])
    return (scores(test_x).argmax(1) == test_y).double().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--systems", nargs="+", choices=["Steepest", "PyTorch"], default=["Steepest", "PyTorch"])
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    done = {}
    if options.keep and options.keep.exists():
        for line in options.keep.read_text().splitlines():
            task, name, seed, found = json.loads(line)
            done[task, name, seed] = found
    for name in options.systems:
        train = {"Steepest": steepest, "PyTorch": pytorch}[name]
        found = []
        for seed in range(1, options.seeds + 1):
            key = (options.task, name, seed)
            if key not in done:
                done[key] = train(options.task, seed, options.threads)
                print(*key, done[key], file=sys.stderr, flush=True)
                if options.keep:
                    with options.keep.open("a") as file:
                        file.write(json.dumps([*key, done[key]]) + "\n")
            found.append(done[key])
        spread = statistics.stdev(found) if len(found) > 1 else 0.0
        each = ", ".join(f"{x:.4f}" for x in found)
        print(f"{name}: {statistics.mean(found):.4f} ± {spread:.4f} ({each})", flush=True)


if __name__ == "__main__":
    main()
