"""Seconds to a test accuracy on MNIST: Steepest and PyTorch with the same model and hyperparameters.

    cargo xtask data mnist && cargo build --release -p steepest-cli
    python bench/quality/mnist_accuracy.py                        # three seeds, two threads, 98.0 and 98.2 %
    python bench/quality/mnist_accuracy.py --seeds 1 --epochs 5 --threads 1

Both train the perceptron 784-512-256-10 with rectifiers, dropout 0.2, Adam (rate 0.001 along half a cosine),
batches of 128 rows and pixels in [0, 1] on all 60,000 rows, and score the 10,000 test rows after every
epoch. PyTorch holds the pixels in memory as floats and uses its fused Adam; `torch.compile` is a system of
its own (its compilation counts, as it would for a user). They take turns, one seed after another. The
clock starts with the first step and includes the scoring; *whole program* is from the start of the process.
The machine should have nothing else to do.
"""

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = {"train": "train-images-idx3-ubyte", "test": "t10k-images-idx3-ubyte"}


def steepest(options, seed):
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        images = {part: json.dumps(str(options.data / name)) for part, name in NAMES.items()}
        line = [str(options.steepest), "train", str(ROOT / "examples/mnist.toml"), "--out", str(run)]
        line += ["--seed", str(seed), "--threads", str(options.threads)]
        for setting in (f"data.train={images['train']}", f"data.validation={images['test']}", f"data.test={images['test']}",
                        f"stop.epochs={options.epochs}", "stop.patience=0"):
            line += ["--set", setting]
        done = subprocess.run(line, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(done.stdout + done.stderr)
        records = [json.loads(text) for text in (run / "metrics.jsonl").read_text().splitlines()]
        epochs = [record for record in records if "validation" in record]
        return [(record["seconds"], dict(record["validation"])["accuracy"]) for record in epochs]


def torch_eager(options, seed):
    return torch_process(options, seed, compiled=False)


def torch_compile(options, seed):
    return torch_process(options, seed, compiled=True)


def torch_process(options, seed, compiled):
    line = [sys.executable, __file__, "--torch", "compile" if compiled else "eager", "--seed", str(seed)]
    line += ["--epochs", str(options.epochs), "--threads", str(options.threads), "--data", str(options.data)]
    done = subprocess.run(line, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


SYSTEMS = {"Steepest": steepest, "PyTorch eager, fused optimizer": torch_eager, "PyTorch, torch.compile": torch_compile}


def train_in_torch(options):
    """One training in PyTorch; prints the seconds and the test accuracy of every epoch."""
    import numpy
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)

    def part(name):
        def idx(path, header):
            packed = path.with_name(path.name + ".gz")
            raw = path.read_bytes() if path.exists() else gzip.decompress(packed.read_bytes())
            return numpy.frombuffer(raw, numpy.uint8, offset=header)

        images = options.data / NAMES[name]
        labels = options.data / NAMES[name].replace("images-idx3", "labels-idx1")
        x = idx(images, 16).reshape(-1, 784).astype("float32") / 255
        return torch.from_numpy(x), torch.from_numpy(idx(labels, 8).astype("int64"))

    (x, y), (x_test, y_test) = part("train"), part("test")
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Dropout(0.2), nn.Linear(512, 256), nn.ReLU(), nn.Dropout(0.2), nn.Linear(256, 10))
    nn.init.xavier_uniform_(model[0].weight)
    nn.init.kaiming_normal_(model[3].weight, nonlinearity="relu")
    nn.init.xavier_uniform_(model[6].weight)
    for layer in (model[0], model[3], model[6]):
        nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), 1e-3, fused=True)
    batches = -(-len(x) // 128)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, options.epochs * batches)

    def objective(x, y):
        return nn.functional.cross_entropy(model(x), y)

    if options.torch == "compile":
        objective = torch.compile(objective)
    epochs, start = [], time.perf_counter()
    for _ in range(options.epochs):
        model.train()
        for rows in torch.randperm(len(x)).split(128):
            optimizer.zero_grad(set_to_none=True)
            objective(x[rows], y[rows]).backward()
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.no_grad():
            right = (model(x_test).argmax(1) == y_test).double().mean().item()
        epochs.append((time.perf_counter() - start, right))
    print(json.dumps(epochs))


def report(options):
    runs = {name: [] for name in SYSTEMS if not options.systems or any(s.lower() in name.lower() for s in options.systems)}
    for seed in range(options.seeds):
        order = list(runs)
        for name in order[seed % len(order) :] + order[: seed % len(order)]:
            start = time.perf_counter()
            epochs = SYSTEMS[name](options, seed)
            runs[name].append((epochs, time.perf_counter() - start))
            print(f"{name}, seed {seed}: {epochs[-1][1]:.4f} after {epochs[-1][0]:.1f} s", file=sys.stderr)
    goals = "".join(f" s to {goal:.2%} |" for goal in options.goals)
    print(f"\n{options.epochs} epochs, {options.threads} threads, {options.seeds} seeds; medians\n")
    print(f"| system |{goals} s in all | whole program, s | final accuracy |\n|---|{'--:|' * (len(options.goals) + 3)}")
    for name, results in runs.items():
        cells = []
        for goal in options.goals:
            reached = [next((s for s, right in epochs if right >= goal), None) for epochs, _ in results]
            seconds = [s for s in reached if s is not None]
            missed = f" ({len(reached) - len(seconds)} never)" if len(seconds) < len(reached) else ""
            cells.append(f"{statistics.median(seconds):.1f}{missed}" if seconds else "never")
        final = [epochs[-1] for epochs, _ in results]
        cells += [f"{statistics.median(s for s, _ in final):.1f}", f"{statistics.median(whole for _, whole in results):.1f}"]
        accuracies = [right for _, right in final]
        print(f"| {name} | {' | '.join(cells)} | {min(accuracies):.4f} to {max(accuracies):.4f} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each system")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--goals", type=float, nargs="+", default=[0.98, 0.982])
    parser.add_argument("--systems", nargs="*", help="parts of names, such as `steepest eager`")
    parser.add_argument("--data", type=Path, default=ROOT / "data/mnist")
    parser.add_argument("--steepest", type=Path, default=ROOT / "target/release/steepest")
    parser.add_argument("--torch", choices=["eager", "compile"], help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, default=0, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.data = options.data.resolve()
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    train_in_torch(options) if options.torch else report(options)


if __name__ == "__main__":
    main()
