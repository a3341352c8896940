"""Texts by a linear support vector machine on TF-IDF: Steepest beside LIBLINEAR, scikit-learn and Vowpal Wabbit.

    cargo xtask data twenty-newsgroups reuters-r8
    cargo build --release -p steepest-cli
    python bench/quality/text_svm.py [newsgroups reuters]

All train and test on the same rows. The peers get the words of scikit-learn's `TfidfVectorizer(sublinear_tf=True)`; Steepest reads the texts
itself, by `examples/NAME.toml`. A peer's setting (C, the penalty, the passes) is the one of its list that is best on a tenth of the
training rows, held out by their number; then it trains on all of them. Ties go to the first.
"""

import argparse
import csv
import os
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEEPEST = Path(os.environ.get("STEEPEST", ROOT / "target/release/steepest"))
FOLDERS = {"newsgroups": "twenty-newsgroups", "reuters": "reuters-r8"}
COSTS = [1.0, 0.25, 4.0]


def texts(name, part):
    csv.field_size_limit(1 << 30)
    with open(ROOT / "data" / FOLDERS[name] / f"{part}.tsv", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return [row["Text"] for row in rows], [row["Category"] for row in rows]


def steepest(name):
    with tempfile.TemporaryDirectory() as folder:
        command = [STEEPEST, "train", ROOT / f"examples/{name}.toml", "--out", Path(folder) / "run"]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"accuracy (\S+)", said[said.rindex("test") :]).group(1))


def linear_svc(train, test, cost):
    from sklearn.svm import LinearSVC

    return LinearSVC(C=cost).fit(*train).score(*test)


def sgd(train, test, alpha):
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(alpha=alpha, random_state=0).fit(*train).score(*test)


def liblinear(kind):
    def score(train, test, cost):
        from liblinear import liblinearutil

        model = liblinearutil.train(train[1], train[0], f"-s {kind} -c {cost} -q")
        _, (accuracy, _, _), _ = liblinearutil.predict(test[1], test[0], model, "-q")
        return accuracy / 100

    return score


def vowpal(train, test, passes):
    import vowpalwabbit

    def lines(x, y):
        for row, label in enumerate(y):
            part = slice(x.indptr[row], x.indptr[row + 1])
            yield f"{label + 1} | " + " ".join(f"{i}:{v:.6g}" for i, v in zip(x.indices[part], x.data[part]))

    model = vowpalwabbit.Workspace(f"--oaa {max(train[1]) + 1} --loss_function hinge -b 20 --quiet")
    rows = list(lines(*train))
    for _ in range(passes):
        for row in rows:
            model.learn(row)
    said = [model.predict(row) for row in lines(*test)]
    model.finish()
    return sum(a == b + 1 for a, b in zip(said, test[1])) / len(said)


PEERS = [
    ("LIBLINEAR, squared hinge, one against the rest (-s 2)", liblinear(2), COSTS),
    ("LIBLINEAR, Crammer and Singer (-s 4)", liblinear(4), COSTS),
    ("scikit-learn LinearSVC", linear_svc, COSTS),
    ("scikit-learn SGDClassifier, hinge", sgd, [1e-4, 3e-5, 1e-5]),
    ("Vowpal Wabbit, hinge, one against the rest", vowpal, [5, 10, 20]),
]


def peers(name):
    import numpy
    from sklearn.feature_extraction.text import TfidfVectorizer

    (texts_of_train, labels), (texts_of_test, labels_of_test) = texts(name, "train"), texts(name, "test")
    words = TfidfVectorizer(sublinear_tf=True)
    x, z = words.fit_transform(texts_of_train), words.transform(texts_of_test)
    classes, y = numpy.unique(labels, return_inverse=True)
    own = {label: number for number, label in enumerate(classes)}
    whole, test = (x, y), (z, numpy.array([own[label] for label in labels_of_test]))
    held = numpy.arange(len(y)) % 10 == 0
    part, chosen_on = (x[~held], y[~held]), (x[held], y[held])
    for peer, score, settings in PEERS:
        best = max(settings, key=lambda setting: score(part, chosen_on, setting))
        print(f"{name}: {peer}: {score(whole, test, best):.4f} ({best:g} of {settings})", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(FOLDERS))
    for name in parser.parse_args().names:
        print(f"{name}: Steepest: {steepest(name):.4f}", flush=True)
        peers(name)
