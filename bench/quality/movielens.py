"""MovieLens-100k: ratings in five folds beside Surprise, and the first ten films beside implicit, on the same rows.

    cargo xtask data movielens-100k
    cargo build --release
    python bench/quality/movielens.py [--peer] [ratings svdpp ranking]

`ratings` is `examples/movielens.toml`, `svdpp` is `examples/movielens_svdpp.toml`: the mean of the RMSE of five folds.
`ranking` is `examples/movielens_bpr.toml`: precision of the first ten films, three splits. Every system gets the same
rows, cut here at random. Needs scikit-surprise and implicit for `--peer` alone.
"""

import argparse
import os
import random
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "movielens-100k" / "ml-100k.inter"
EXAMPLES = {"ratings": "movielens", "svdpp": "movielens_svdpp", "ranking": "movielens_bpr"}


def folds(what):
    """Pairs of rows to learn from and rows to score; each row is user, item, rating and time."""
    rows = [line.split("\t") for line in DATA.read_text().splitlines()[1:]]
    if what == "ranking":
        rows = [row for row in rows if float(row[2]) >= 4]
    random.Random(1).shuffle(rows)
    for fold in range(3 if what == "ranking" else 5):
        yield [row for at, row in enumerate(rows) if at % 5 != fold], rows[fold::5]


def steepest(what, folder, fold, parts):
    head = DATA.read_text().splitlines()[0]
    command = [ROOT / "target/release/steepest", "train", ROOT / "examples" / f"{EXAMPLES[what]}.toml"]
    command += ["--threads", "1", "--out", folder / f"{what}-{fold}"]
    for name, rows in zip(("train", "test"), parts):
        file = folder / f"{what}-{fold}-{name}.tsv"
        file.write_text("\n".join([head, *("\t".join(row) for row in rows)]) + "\n")
        command += ["--set", f'data.{name}="{file}"']
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    measure = r"precision-at-k (\S+)" if what == "ranking" else r"rmse (\S+)"
    return float(re.search(measure, said[said.rindex("test") :]).group(1))


def surprise(what, folder, fold, parts):
    from surprise import SVD, Dataset, Reader, SVDpp, accuracy

    train, test = ([(user, item, float(rating)) for user, item, rating, _ in rows] for rows in parts)
    data = Dataset(Reader(rating_scale=(1, 5)))
    trainset = data.construct_trainset([(*row, None) for row in train])
    model = SVD(random_state=fold) if what == "ratings" else SVDpp(random_state=fold, cache_ratings=True)
    return accuracy.rmse(model.fit(trainset).test(test), verbose=False)


def implicit(what, folder, fold, parts):
    import numpy
    import scipy.sparse
    from implicit.bpr import BayesianPersonalizedRanking

    names = [sorted({row[column] for rows in parts for row in rows}) for column in (0, 1)]
    index = [{name: at for at, name in enumerate(column)} for column in names]
    shape = tuple(map(len, names))

    def matrix(rows):
        at = tuple([index[column][row[column]] for row in rows] for column in (0, 1))
        return scipy.sparse.csr_matrix((numpy.ones(len(rows), "float32"), at), shape=shape)

    train, test = map(matrix, parts)
    users = numpy.where(numpy.diff(test.indptr) > 0)[0]
    model = BayesianPersonalizedRanking(factors=16, num_threads=1, random_state=fold)
    model.fit(train, show_progress=False)
    found = model.recommend(users, train[users], N=10)[0]
    return numpy.mean([numpy.isin(items, test[user].indices).mean() for user, items in zip(users, found)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=list(EXAMPLES))
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    for what in options.what:
        peer = ("implicit", implicit) if what == "ranking" else ("Surprise", surprise)
        for name, run in [("Steepest", steepest)] + [peer] * options.peer:
            with tempfile.TemporaryDirectory() as folder:
                scores = [run(what, Path(folder), fold, parts) for fold, parts in enumerate(folds(what))]
            each = ", ".join(f"{score:.4f}" for score in scores)
            print(f"{what}, {name}: {statistics.mean(scores):.4f}, folds {each}", flush=True)
