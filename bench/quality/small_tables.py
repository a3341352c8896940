"""Steepest without a spec against scikit-learn, on small tables, over many random splits.

    python bench/quality/small_tables.py                          # the five bundled tables, 20 splits each
    python bench/quality/small_tables.py --splits 5 wine diabetes
    python bench/quality/small_tables.py --table cars.csv:mpg     # a table of your own, and the column to predict
    python bench/quality/small_tables.py --set model.hidden=[32]  # what one setting would change

Every split holds out a fifth of the rows, stratified by class; both sides train on the other rows and are
scored on those. Steepest gets `steepest train train.csv --target NAME`, which takes its validation rows out of
the training rows. scikit-learn gets standardized numbers, one input per category and medians for missing
numbers, and its estimators as they are: LogisticRegression, MLPClassifier; Ridge, MLPRegressor (the target
standardized as well). Accuracy (higher is better) or RMSE (lower is better): mean ± standard deviation over
the splits, and the mean difference to the better estimator of scikit-learn with its standard error.

Needs numpy, pandas and scikit-learn (requirements.txt), and a release build of the program.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, root_mean_squared_error
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

ROOT = Path(__file__).resolve().parents[2]
TABLES = {"iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis", "digits": "label", "diabetes": "target"}


def is_classification(target):
    """Text and few whole numbers are classes."""
    if not pd.api.types.is_numeric_dtype(target):
        return True
    return bool((target == target.round()).all()) and target.nunique() <= 20


def estimators(classification, seed, features):
    numbers = [name for name in features if pd.api.types.is_numeric_dtype(features[name])]
    names = [name for name in features if name not in numbers]
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
        (OneHotEncoder(handle_unknown="ignore"), names),
        sparse_threshold=0.0,
    )
    if classification:
        linear, mlp = LogisticRegression(max_iter=5000), MLPClassifier(random_state=seed)
    else:
        linear, mlp = Ridge(), TransformedTargetRegressor(MLPRegressor(random_state=seed), transformer=StandardScaler())
    return {"scikit-learn linear": make_pipeline(prepare, linear), "scikit-learn MLP": make_pipeline(prepare, mlp)}


def steepest(program, train, test, target, classification, seed, settings, folder):
    train.to_csv(folder / "train.csv", index=False)
    test.to_csv(folder / "test.csv", index=False)
    run = folder / f"run-{seed}-{len(list(folder.glob('run-*')))}"
    line = [str(program), "train", "train.csv", "--target", target, "--seed", str(seed), "--out", str(run)]
    line += ["--set", f"data.test={json.dumps(str(folder / 'test.csv'))}"]
    for setting in settings:
        line += ["--set", setting]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(line)}\n{done.stdout}{done.stderr}")
    test_line = next(text for text in done.stdout.splitlines() if text.startswith("test "))
    return float(re.search(r" (?:accuracy|rmse) ([0-9.e+-]+)", test_line).group(1))


def compare(name, table, target, options):
    table = table.dropna(subset=[target])
    classification = is_classification(table[target])
    scores = {}
    for split in range(options.splits):
        labels = table[target] if classification else None
        train, test = train_test_split(table, test_size=0.2, random_state=split, stratify=labels)
        x_train, x_test = train.drop(columns=target), test.drop(columns=target)
        for label, estimator in ({} if options.only_steepest else estimators(classification, split, x_train)).items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                warnings.simplefilter("ignore", UserWarning)
                guess = estimator.fit(x_train, train[target]).predict(x_test)
            score = accuracy_score if classification else root_mean_squared_error
            scores.setdefault(label, []).append(score(test[target], guess))
        variants = {"Steepest": options.set, **{f"Steepest {v}": options.set + v.split() for v in options.variant}}
        for label, settings in variants.items():
            with tempfile.TemporaryDirectory() as folder:
                score = steepest(options.steepest, train, test, target, classification, split, settings, Path(folder))
            scores.setdefault(label, []).append(score)
    return "accuracy" if classification else "rmse", scores


def line(name, metric, scores):
    digits = 4 if metric == "accuracy" else 4 if statistics.mean(next(iter(scores.values()))) < 10 else 2
    cell = lambda values: f"{np.mean(values):.{digits}f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.{digits}f}"
    cells = [f"{cell(values)}" for values in scores.values()]
    peers = [values for label, values in scores.items() if label.startswith("scikit")]
    if peers:
        best = (max if metric == "accuracy" else min)(peers, key=np.mean)
        gap = np.array(scores["Steepest"]) - np.array(best)
        error = np.std(gap, ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0
        cells.append(f"{np.mean(gap):+.{digits}f} ± {error:.{digits}f}")
    return f"| {name} | {metric} | " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", help=f"bundled tables; all of {', '.join(TABLES)} if none is named")
    parser.add_argument("--table", action="append", default=[], metavar="FILE:COLUMN", help="another table")
    parser.add_argument("--splits", type=int, default=20)
    parser.add_argument("--steepest", type=Path, default=ROOT / "target/release/steepest")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting for Steepest")
    parser.add_argument("--variant", action="append", default=[], metavar="'KEY=VALUE ...'", help="Steepest once more with these settings, in a column of its own")
    parser.add_argument("--only-steepest", action="store_true", help="leave scikit-learn out")
    parser.add_argument("--json", type=Path, help="keep every score in this file")
    options = parser.parse_args()
    options.steepest = options.steepest.resolve()
    tables = {name: (ROOT / f"examples/data/{name}.csv", TABLES[name]) for name in options.tables or ([] if options.table else TABLES)}
    for entry in options.table:
        path, column = entry.rsplit(":", 1)
        tables[Path(path).stem] = (Path(path), column)
    kept, header = {}, False
    for name, (path, target) in tables.items():
        metric, scores = compare(name, pd.read_csv(path), target, options)
        if not header:
            columns = ["table", "measure", *scores, *(() if options.only_steepest else ["Steepest − better of scikit-learn"])]
            print("| " + " | ".join(columns) + " |\n|" + "---|" * len(columns))
            header = True
        print(line(name, metric, scores), flush=True)
        kept[name] = {"metric": metric, "scores": scores}
        if options.json:
            options.json.write_text(json.dumps(kept, indent=1))


if __name__ == "__main__":
    main()
