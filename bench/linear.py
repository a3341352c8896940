"""Linear models at scale beside scikit-learn, Vowpal Wabbit and fastText: rows a second, in turns.

    cargo build --release -p steepest-cli
    cargo build --release -p steepest-train --example rows_per_second
    python bench/linear.py [dense sparse stream bags]

Every system runs on one thread for the step; Vowpal Wabbit and Steepest both read text on a second one. A figure is
the median of the turns. `dense` and `sparse` are passes over rows in memory, rows in random order, without the first;
`stream` is one pass over the sparse rows as text. All systems train on the same rows, which `rows_per_second` makes, at
the same learning rate and as often, and the losses they come to are printed. `bags` trains and tests on Reuters R8
(`cargo xtask data reuters-r8`).
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

from turns import RELEASE, report, written

os.environ["OMP_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
TURNS = 11
RATE = 0.01


def rows_per_second(what):
    """Steepest's own passes over rows in memory, by name: rows a second, the loss at the end, and epochs."""
    said = subprocess.run(
        [RELEASE / "examples" / "rows_per_second", "1", what], check=True, capture_output=True, text=True
    ).stdout
    found = re.findall(r"^(.*?) +batch +(\d+): +(\d+) rows/s, .* loss (\S+) after (\d+) epochs", said, re.M)
    return {(name, int(batch)): (float(speed), float(loss), int(epochs)) for name, batch, speed, loss, epochs in found}


def sgd(x, y, loss, epochs):
    """Rows a second of scikit-learn without the first epoch, and the loss at the end."""
    import numpy
    from sklearn.linear_model import SGDClassifier

    def fit(epochs):
        model = SGDClassifier(
            loss=loss, alpha=0, learning_rate="constant", eta0=RATE, max_iter=epochs, tol=None, shuffle=True
        )
        begun = time.process_time()
        model.fit(x, y)
        return model, time.process_time() - begun

    model, seconds = fit(epochs)
    margin = model.decision_function(x).astype("float64") * numpy.where(y == 1, 1, -1)
    losses = numpy.logaddexp(0, -margin) if loss == "log_loss" else numpy.maximum(0, 1 - margin)
    return (epochs - 1) * len(y) / max(seconds - fit(1)[1], 1e-9), losses.mean()


def beside(what, x, y, compared):
    """Turns of Steepest and scikit-learn on the same rows."""
    ours, peer = [], []
    for _ in range(TURNS):
        ours.append(rows_per_second(what))
        epochs = max(turn[2] for turn in ours[-1].values())
        peer.append({loss: sgd(x, y, loss, epochs) for loss in {loss for _, _, loss in compared}})
    for name, batch, loss in compared:
        (own, left, _), (others, right) = zip(*(turn[name, batch] for turn in ours)), zip(*(turn[loss] for turn in peer))
        report(f"{name}, batch {batch}", own, "scikit-learn", others)
        print(f"  loss: Steepest {statistics.median(left):.5f}, scikit-learn {statistics.median(right):.5f}")


def dense():
    with tempfile.TemporaryDirectory() as folder:
        rows = written(folder, "dense")
    x = rows["numbers"].reshape(len(rows["targets"]), -1)
    beside("dense", x, rows["targets"], [("dense logistic", 1, "log_loss"), ("dense hinge", 1, "hinge")])


def sparse():
    import numpy
    import scipy.sparse

    with tempfile.TemporaryDirectory() as folder:
        rows = written(folder, "sparse")
    ends = numpy.concatenate([[0], rows["ends"]]).astype("int32")
    columns = rows["codes"].astype("int32")
    ones = numpy.ones(len(columns), "float32")
    x = scipy.sparse.csr_matrix((ones, columns, ends), shape=(len(ends) - 1, 1 << 20))
    beside("sparse", x, rows["targets"], [("sparse logistic", batch, "log_loss") for batch in (1, 16)])


def stream():
    with tempfile.TemporaryDirectory() as folder:
        rows = written(folder, "sparse")
        file = Path(folder) / "rows.vw"
        begin, count = 0, len(rows["ends"])
        with open(file, "w") as out:
            for end, target in zip(rows["ends"], rows["targets"]):
                out.write(f"{'1' if target else '-1'} | {' '.join(map(str, rows['codes'][begin:end]))}\n")
                begin = end
        settings = ["data.stream=true", "data.hash-bits=20", "model.kind=logistic", "batch.size=1"]
        settings += ["optimizer.kind=sgd", f"optimizer.learning-rate={RATE}", "run.threads=1"]
        ours = [RELEASE / "steepest", "train", file, "--target", "label"]
        ours += [part for setting in settings for part in ("--set", setting)]
        peer = [sys.executable, "-m", "vowpalwabbit", "-d", file, "-b", "20", "--loss_function", "logistic"]
        peer += ["--sgd", "-l", str(RATE), "--power_t", "0"]
        own, others = [], []
        for turn in range(TURNS):
            spent, said = seconds(ours + ["--out", Path(folder) / f"run-{turn}"])
            own.append(count / spent)
            empty, _ = seconds([sys.executable, "-c", "import vowpalwabbit"])
            spent, other = seconds(peer)
            others.append(count / (spent - empty))
        report(f"one pass from {file.stat().st_size / 1e6:.0f} MB of text", own, "Vowpal Wabbit", others)
        losses = [re.search(r"average loss[ =]+(\S+)", text).group(1) for text in (said, other)]
        print(f"  progressive loss: Steepest {losses[0]}, Vowpal Wabbit {losses[1]}")


def seconds(command):
    """Seconds of a program, and what it said."""
    begun = time.perf_counter()
    ran = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - begun, ran.stdout + ran.stderr


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
