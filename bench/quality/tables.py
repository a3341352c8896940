"""Incomes by census answers and house prices in California: Steepest's examples beside scikit-learn, on the same rows.

    cargo xtask data adult california-housing
    cargo build --release -p steepest-cli
    python bench/quality/tables.py [STEEPEST]
"""

import csv
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeCV
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
STEEPEST = sys.argv[1] if len(sys.argv) > 1 else ROOT / "target" / "release" / "steepest"


def steepest(spec, metric, folder, seed):
    command = [STEEPEST, "train", ROOT / "examples" / f"{spec}.toml", "--seed", str(seed), "--threads", "1"]
    command += ["--out", folder / f"{spec}-{seed}"]
    for part in ("train", "test"):
        command += ["--set", f'data.{part}="{folder}/{part}.csv"']
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(rf"{metric} (\S+)", said[said.rindex("\ntest") :]).group(1))


# Age, capital gain and loss, hours a week: as in the example.
AS_CATEGORIES = (0, 10, 11, 12)


def error(model, x, y):
    return float(numpy.sqrt(numpy.mean((model.predict(x) - y) ** 2)))


def area(model, x, y):
    return roc_auc_score(y, model.predict_proba(x)[:, 1])


def compare(file, metric, specs, target, score, models):
    """Means over three splits, four rows in five for training."""
    with open(ROOT / "data" / file, newline="", encoding="utf-8") as opened:
        head, *rows = csv.reader(opened)
    table = numpy.array(rows, dtype=object)
    x, y = table[:, :-1], target(table[:, -1])
    numeric = [c for c in range(x.shape[1]) if all(re.fullmatch(r"-?[\d.]+", cell) for cell in x[:, c])]
    x[:, numeric] = x[:, numeric].astype(float)
    scores = []
    for seed in (1, 2, 3):
        order = numpy.random.default_rng(seed).permutation(len(rows))
        test, train = order[: len(order) // 5], order[len(order) // 5 :]
        with tempfile.TemporaryDirectory() as folder:
            for name, part in (("train", train), ("test", test)):
                with open(Path(folder) / f"{name}.csv", "w", newline="", encoding="utf-8") as out:
                    csv.writer(out).writerows([head, *table[part]])
            ours = [steepest(spec, metric, Path(folder), seed) for spec in specs]
        fitted = [model(numeric, x.shape[1]).fit(x[train], y[train]) for model in models.values()]
        scores.append(ours + [score(model, x[test], y[test]) for model in fitted])
    for name, mean in zip([*(f"Steepest, {spec}" for spec in specs), *models], numpy.mean(scores, axis=0)):
        print(f"{name}: {metric} {mean:.4f}", flush=True)


def logistic(numeric, width, categories=()):
    numeric = [column for column in numeric if column not in categories]
    texts = [column for column in range(width) if column not in numeric]
    columns = (StandardScaler(), numeric), (OneHotEncoder(handle_unknown="ignore"), texts)
    return make_pipeline(make_column_transformer(*columns), LogisticRegression(max_iter=2000))


def pairs(numeric, width):
    crosses = PolynomialFeatures(2, interaction_only=True)
    return make_pipeline(StandardScaler(), crosses, RidgeCV(numpy.logspace(-2, 4, 13)))


if __name__ == "__main__":
    compare(
        "adult/adult.csv",
        "auc",
        ["adult_logistic"],
        lambda texts: (texts == ">50K").astype(int),
        area,
        {
            "scikit-learn, logistic": logistic,
            "scikit-learn, logistic, the same categories": lambda numeric, width: logistic(
                numeric, width, AS_CATEGORIES
            ),
        },
    )
    compare(
        "california-housing/california_housing.csv",
        "rmse",
        ["california_linear", "california_fm"],
        lambda texts: texts.astype(float),
        error,
        {
            "scikit-learn, linear": lambda numeric, width: LinearRegression(),
            "scikit-learn, ridge on pairs of columns": pairs,
        },
    )
