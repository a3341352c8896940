"""Word vectors by skip-gram: Steepest's `examples/word2vec.toml` beside gensim, by how alike people find pairs of words.

    cargo xtask data words word-pairs
    cargo build --release -p steepest-cli
    python bench/quality/word_vectors.py [--windows 5 3] [--seeds 1 2 3] [--only steepest|gensim]

Same text, 100 numbers a word, five epochs, five negatives, words that occur five times, `sample` 1e-3. gensim's other settings are its
defaults, and its window is named by `--windows`. Both are scored by `steepest similarity`: Spearman's correlation on WordSim-353
and SimLex-999, the mean of the seeds.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STEEPEST = ROOT / "target" / "release" / "steepest"
TEXT = ROOT / "data" / "words" / "words.txt"
PAIRS = [ROOT / "data" / "word-pairs" / name for name in ("wordsim353.tsv", "simlex999.tsv")]


def scores(model):
    said = subprocess.run([STEEPEST, "similarity", model, *PAIRS], check=True, capture_output=True, text=True).stdout
    return [float(value) for value in re.findall(r"^(?:wordsim353|simlex999) +(\S+)", said, re.M)]


def steepest(seed, folder):
    run = folder / f"run-{seed}"
    command = [STEEPEST, "train", ROOT / "examples" / "word2vec.toml", "--seed", str(seed), "--out", run]
    subprocess.run(command, check=True, capture_output=True)
    return scores(run)


def gensim(seed, folder, window):
    from gensim.models.word2vec import LineSentence, Word2Vec

    model = Word2Vec(
        LineSentence(str(TEXT)), vector_size=100, window=window, min_count=5, sample=1e-3, sg=1, negative=5, epochs=5,
        workers=1, seed=seed,
    )
    file = folder / f"gensim-{window}-{seed}.bin"
    model.wv.save_word2vec_format(str(file), binary=True)
    return scores(file)


def report(name, seeds, train):
    with tempfile.TemporaryDirectory() as folder:
        found = [train(seed, Path(folder)) for seed in seeds]
    for pairs, values in zip(("WordSim-353", "SimLex-999"), zip(*found)):
        print(f"{name}: {pairs} {statistics.mean(values):.4f}, seeds", ", ".join(f"{value:.4f}" for value in values), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--windows", type=int, nargs="*", default=[5, 3])
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    parser.add_argument("--only", choices=["steepest", "gensim"])
    options = parser.parse_args()
    if options.only != "gensim":
        report("Steepest", options.seeds, steepest)
    for window in [] if options.only == "steepest" else options.windows:
        report(f"gensim, window {window}", options.seeds, lambda seed, folder: gensim(seed, folder, window))
