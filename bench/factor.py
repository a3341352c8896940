"""Factor and word models beside LIBMF, Surprise and gensim: speed, in turns, one thread each.

    cargo build --release -p steepest-cli
    cargo build --release -p steepest-train --example rows_per_second
    python bench/factor.py [ratings movielens svdpp words]

Times are those of the processor, so that other programs do not disturb them much; a figure is the median of the turns.
`ratings` is matrix factorization with 32 factors on ten million made-up ratings; `movielens` and `svdpp` are one fold of
MovieLens-100k to the RMSE that Surprise comes to or less (`cargo xtask data movielens-100k`), training alone, by the clock
on the wall; `words` is skip-gram on `cargo xtask data words word-pairs`, and the correlations with what people say of words
that both come to after the same pass.
"""

import argparse
import ctypes
import json
import os
import random
import re
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from turns import RELEASE, report, written

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
ROOT = Path(__file__).resolve().parent.parent
TURNS = 3


def seconds_of(command):
    """Processor seconds of a program, and what it said."""
    spent = lambda: sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    begun = spent()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return spent() - begun, said


def ratings():
    import numpy
    from libmf import mf

    with tempfile.TemporaryDirectory() as folder:
        rows = written(folder, "ratings")
    pairs, ratings = rows["codes"].reshape(-1, 2), rows["targets"]
    data = numpy.column_stack([pairs.astype("float32"), ratings])

    def peer(epochs, quiet=True):
        begun = time.process_time()
        mf.MF(k=32, nr_threads=1, nr_iters=epochs, quiet=quiet).fit(data)
        return time.process_time() - begun

    own, others = [], []
    for _ in range(TURNS):
        said = seconds_of([RELEASE / "examples" / "rows_per_second", "1", "ratings", "64"])[1]
        speed, rmse, epochs = re.search(r": +(\d+) rows/s, .* rmse (\S+) after (\d+) epochs", said).groups()
        own.append(float(speed))
        others.append((int(epochs) - 1) * len(ratings) / (peer(int(epochs)) - peer(1)))
    report("matrix factorization, 32 factors, ratings a second", own, "LIBMF", others)
    # What its Python package predicts is not what it has learned, so that its own report is asked.
    told = said_by(lambda: peer(int(epochs), quiet=False)).split()
    print(f"  RMSE of the ratings trained on: Steepest {rmse}, LIBMF {told[-2]}", flush=True)


def said_by(function):
    """What a library prints meanwhile."""
    with tempfile.TemporaryFile("w+") as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        function()
        ctypes.CDLL(None).fflush(None)
        os.dup2(kept, 1)
        file.seek(0)
        return file.read()


# Fewer factors, smaller batches and fewer epochs than the example: an RMSE below 0.930 soonest.
SOON = {
    "movielens": [
        "model.factors=8", "model.penalty=0.06", "optimizer.learning-rate=0.7", "batch.size=16", "stop.epochs=4"
    ],
    "svdpp": [],
}


def films(what):
    from surprise import SVD, Dataset, Reader, SVDpp, accuracy

    file = ROOT / "data" / "movielens-100k" / "ml-100k.inter"
    head, *rows = file.read_text().splitlines()
    random.Random(1).shuffle(rows)
    parts = {"train": rows[20_000:], "test": rows[:20_000]}
    triples = {
        name: [(user, item, float(rating)) for user, item, rating, _ in (row.split("\t") for row in part)]
        for name, part in parts.items()
    }
    trainset = Dataset(Reader(rating_scale=(1, 5))).construct_trainset([(*row, None) for row in triples["train"]])
    own, others, whole, scores = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        spec = ROOT / "examples" / ("movielens.toml" if what == "movielens" else "movielens_svdpp.toml")
        command = [RELEASE / "steepest", "train", spec, "--threads", "1"]
        for name, part in parts.items():
            (Path(folder) / f"{name}.tsv").write_text("\n".join([head, *part]) + "\n")
            command += ["--set", f'data.{name}="{folder}/{name}.tsv"']
        command += [part for setting in SOON[what] for part in ("--set", setting)]
        for turn in range(TURNS):
            run = Path(folder) / f"run-{turn}"
            spent, said = seconds_of(command + ["--out", run])
            whole.append(spent)
            epochs = (json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines())
            own.append(1 / max(epoch.get("seconds", 0) for epoch in epochs))
            model = SVD(random_state=turn) if what == "movielens" else SVDpp(random_state=turn, cache_ratings=True)
            begun = time.perf_counter()
            model.fit(trainset)
            others.append(1 / (time.perf_counter() - begun))
            score = float(re.search(r"rmse (\S+)", said[said.rindex("test") :]).group(1))
            scores.append((score, accuracy.rmse(model.test(triples["test"]), verbose=False)))
    report(f"{spec.stem}, trainings a second", own, "Surprise", others)
    print(f"  Steepest's whole process, with reading, scoring and pictures: {statistics.median(whole):.3f} s")
    means = [statistics.mean(score[system] for score in scores) for system in (0, 1)]
    print(f"  RMSE: Steepest {means[0]:.4f}, Surprise {means[1]:.4f}")


def words():
    from gensim.models import Word2Vec
    from gensim.models.word2vec import LineSentence

    text = ROOT / "data" / "words" / "words.txt"
    count = sum(len(line.split()) for line in open(text, encoding="utf-8"))
    sentences = list(LineSentence(str(text)))
    own, others, scores = [], [], []
    pairs = [ROOT / "data" / "word-pairs" / name for name in ("wordsim353.tsv", "simlex999.tsv")]

    def score(model):
        said = subprocess.run([RELEASE / "steepest", "similarity", model, *pairs], check=True, capture_output=True, text=True)
        return [float(value) for value in re.findall(r"^(?:wordsim353|simlex999) +(\S+)", said.stdout, re.M)]

    with tempfile.TemporaryDirectory() as folder:
        for turn in range(TURNS):

            def steepest(epochs):
                command = [RELEASE / "steepest", "train", ROOT / "examples" / "word2vec.toml", "--threads", "1"]
                command += ["--set", "data.words.context=5", "--set", f"stop.epochs={epochs}"]
                command += ["--out", Path(folder) / f"run-{turn}-{epochs}"]
                return seconds_of(command)[0]

            own.append(count / (steepest(2) - steepest(1)))
            model = Word2Vec(vector_size=100, window=5, negative=5, sg=1, sample=1e-3, workers=1, seed=turn)
            model.build_vocab(sentences)
            begun = time.process_time()
            model.train(sentences, total_examples=len(sentences), epochs=1)
            others.append(count / (time.process_time() - begun))
            model.wv.save_word2vec_format(Path(folder) / f"gensim-{turn}.txt")
            scores.append(score(Path(folder) / f"run-{turn}-1") + score(Path(folder) / f"gensim-{turn}.txt"))
    report("skip-gram, words a second", own, "gensim", others)
    mean = [statistics.mean(values) for values in zip(*scores)]
    print(f"  WordSim-353 and SimLex-999: Steepest {mean[0]:.4f}, {mean[1]:.4f}, gensim {mean[2]:.4f}, {mean[3]:.4f}")


if __name__ == "__main__":
    known = {"ratings": ratings, "movielens": lambda: films("movielens"), "svdpp": lambda: films("svdpp"), "words": words}
    parser = argparse.ArgumentParser()
    parser.add_argument("what", nargs="*", default=list(known))
    for what in parser.parse_args().what:
        known[what]()
