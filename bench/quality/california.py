"""House prices in California: Steepest's linear model and factorization machine beside scikit-learn, same rows.

    cargo xtask data california-housing
    cargo build --release -p steepest-cli
    python bench/quality/california.py [STEEPEST]
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "california-housing" / "california_housing.csv"
STEEPEST = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "release" / "steepest"


def steepest(spec, folder, seed):
    command = [STEEPEST, "train", ROOT / "examples" / f"{spec}.toml", "--seed", str(seed), "--threads", "1"]
    command += ["--out", folder / f"{spec}-{seed}"]
    for part in ("train", "test"):
        command += ["--set", f'data.{part}="{folder}/{part}.csv"']
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"rmse (\S+)", said[said.rindex("\ntest") :]).group(1))


def peer(model, train, test):
    model.fit(train[:, :-1], train[:, -1])
    return float(numpy.sqrt(numpy.mean((model.predict(test[:, :-1]) - test[:, -1]) ** 2)))


if __name__ == "__main__":
    lines = DATA.read_text().splitlines()
    table = numpy.array([[float(cell) for cell in line.split(",")] for line in lines[1:]])
    pairs = make_pipeline(
        StandardScaler(), PolynomialFeatures(2, interaction_only=True), RidgeCV(numpy.logspace(-2, 4, 13))
    )
    scores = []
    for seed in (1, 2, 3):
        order = numpy.random.default_rng(seed).permutation(len(table))
        test, train = order[: len(order) // 5], order[len(order) // 5 :]
        with tempfile.TemporaryDirectory() as folder:
            for name, rows in (("train", train), ("test", test)):
                picked = "\n".join(lines[row + 1] for row in rows)
                (Path(folder) / f"{name}.csv").write_text(f"{lines[0]}\n{picked}\n")
            ours = [steepest(spec, Path(folder), seed) for spec in ("california_linear", "california_fm")]
        others = [peer(model, table[train], table[test]) for model in (LinearRegression(), pairs)]
        scores.append(ours + others)
        print(seed, " ".join(f"{score:.4f}" for score in scores[-1]), flush=True)
    names = ["Steepest linear", "Steepest FM", "scikit-learn linear", "scikit-learn pairs of columns, ridge"]
    for name, score in zip(names, numpy.mean(scores, axis=0)):
        print(f"{name}: RMSE {score:.4f}")
