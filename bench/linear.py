"""Linear models at scale beside scikit-learn, Vowpal Wabbit and fastText: rows a second, in turns.

    cargo build --release -p steepest-cli
    cargo build --release -p steepest-train --example rows_per_second
    python bench/linear.py [dense sparse stream bags]

Every system runs on one thread for the step; Vowpal Wabbit and Steepest both read text on a second one. A figure is
the median of the turns. `dense` and `sparse` are passes over rows in memory, rows in random order; `stream` is one pass
over a text file; `bags` trains and tests on Reuters R8 (`cargo xtask data reuters-r8`).
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from turns import report

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "target" / "release"
TURNS = 5


def rows_per_second(what):
    """Steepest's own passes over rows in memory, by name."""
    said = subprocess.run(
        [RELEASE / "examples" / "rows_per_second", "1", what], check=True, capture_output=True, text=True
    ).stdout
    found = re.findall(r"^(.*?) +batch +(\d+): +(\d+) rows/s", said, re.M)
    return {(name, int(batch)): float(speed) for name, batch, speed in found}


def sgd(x, y, loss):
    """Rows a second of scikit-learn over one more epoch, so that what it does once does not count."""
    from sklearn.linear_model import SGDClassifier

    def seconds(epochs):
        model = SGDClassifier(
            loss=loss, alpha=0, learning_rate="constant", eta0=0.01, max_iter=epochs, tol=None, shuffle=True
        )
        begun = time.process_time()
        model.fit(x, y)
        return time.process_time() - begun

    return 4 * len(y) / max(seconds(5) - seconds(1), 1e-9)


def dense():
    import numpy

    random = numpy.random.default_rng(1)
    x = random.random((200_000, 100), dtype="float32") - 0.5
    y = random.integers(0, 2, len(x))
    ours, log, hinge = [], [], []
    for _ in range(TURNS):
        ours.append(rows_per_second("dense"))
        log.append(sgd(x, y, "log_loss"))
        hinge.append(sgd(x, y, "hinge"))
    report("dense logistic, batch 1", [speeds[("dense logistic", 1)] for speeds in ours], "scikit-learn", log)
    report("dense hinge, batch 1", [speeds[("dense hinge", 1)] for speeds in ours], "scikit-learn", hinge)


def sparse():
    import numpy
    import scipy.sparse

    random = numpy.random.default_rng(1)
    rows = 100_000
    columns = numpy.sort(random.integers(0, 1 << 20, (rows, 100)), axis=1).astype("int32").ravel()
    ends = numpy.arange(0, rows * 100 + 1, 100, dtype="int32")
    x = scipy.sparse.csr_matrix((numpy.ones(rows * 100), columns, ends), shape=(rows, 1 << 20))
    y = random.integers(0, 2, rows)
    ours, peer = [], []
    for _ in range(TURNS):
        ours.append(rows_per_second("sparse"))
        peer.append(sgd(x, y, "log_loss"))
    for batch in (1, 16):
        speeds = [speeds[("sparse logistic", batch)] for speeds in ours]
        report(f"sparse logistic, batch {batch}", speeds, "scikit-learn", peer)


def stream():
    import numpy

    random = numpy.random.default_rng(1)
    rows = 200_000
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.vw"
        with open(file, "w") as out:
            for _ in range(rows):
                columns = numpy.unique(random.integers(0, 1 << 20, random.integers(80, 121)))
                label = "1" if random.random() < 0.5 else "-1"
                out.write(f"{label} | {' '.join(map(str, columns))}\n")
        settings = ["data.stream=true", "data.hash-bits=20", "model.kind=logistic", "batch.size=1"]
        settings += ["optimizer.kind=sgd", "optimizer.learning-rate=0.1", "run.threads=1"]
        ours = [RELEASE / "steepest", "train", file, "--target", "label"]
        ours += [part for setting in settings for part in ("--set", setting)]
        peer = [sys.executable, "-m", "vowpalwabbit", "-d", file, "-b", "20", "--loss_function", "logistic"]
        peer += ["--sgd", "-l", "0.1", "--quiet"]
        own, others = [], []
        for turn in range(TURNS):
            own.append(rows / seconds(ours + ["--out", Path(folder) / f"run-{turn}"]))
            others.append(rows / (seconds(peer) - seconds([sys.executable, "-c", "import vowpalwabbit"])))
        report(f"one pass from {file.stat().st_size / 1e6:.0f} MB of text", own, "Vowpal Wabbit", others)


def seconds(command):
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - begun


def bags():
    import csv

    import fasttext

    data = ROOT / "data" / "reuters-r8"
    parts = {}
    for part in ("train", "test"):
        with open(data / f"{part}.tsv", newline="", encoding="utf-8") as file:
            rows = [(row["Category"], row["Text"].lower()) for row in csv.DictReader(file, delimiter="\t")]
        parts[part] = rows
    own, others, scores = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "train.ft"
        file.write_text("".join(f"__label__{label.replace(' ', '-')} {text}\n" for label, text in parts["train"]))
        spec = ROOT / "examples" / "reuters_bags.toml"
        for turn in range(TURNS):
            out = Path(folder) / f"run-{turn}"
            command = [RELEASE / "steepest", "train", spec, "--threads", "1", "--out", out]
            begun = time.perf_counter()
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            own.append(1 / (time.perf_counter() - begun))
            score = re.search(r"accuracy (\S+)", said[said.rindex("test") :]).group(1)
            begun = time.perf_counter()
            model = fasttext.train_supervised(
                str(file), wordNgrams=2, epoch=25, lr=0.5, thread=1, verbose=0, seed=turn
            )
            others.append(1 / (time.perf_counter() - begun))
            labels = [label.replace(" ", "-") for label, _ in parts["test"]]
            found = model.f.multilinePredict([text + "\n" for _, text in parts["test"]], 1, 0.0, "strict")[0]
            right = sum(f"__label__{label}" == one[0] for label, one in zip(labels, found))
            scores.append((float(score), right / len(labels)))
    report("R8, bags of words and pairs, runs a second", own, "fastText", others)
    means = [statistics.mean(score[system] for score in scores) for system in (0, 1)]
    print(f"  accuracy: Steepest {means[0]:.4f}, fastText {means[1]:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=["dense", "sparse", "stream", "bags"])
    for what in parser.parse_args().what:
        {"dense": dense, "sparse": sparse, "stream": stream, "bags": bags}[what]()
