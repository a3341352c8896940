"""Spam or not, five folds: Steepest's `examples/spam_assassin.toml` beside scikit-learn on the same folds.

    cargo xtask data spam-assassin
    cargo build --release
    python bench/quality/spam_assassin.py [--peer]

Mails are cut into folds by the hash of their file's name. Needs scikit-learn for `--peer` alone.
"""

import argparse
import hashlib
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "data" / "spam-assassin"


def mails():
    """Pairs of label, text and fold, in the order of their names."""
    for path in sorted(DATA.glob("*/*.txt")):
        label = "spam" if path.parent.name.startswith("spam") else "ham"
        text = re.sub(r"\s+", " ", path.read_text(encoding="latin-1"))
        name = f"{path.parent.name}/{path.name}"
        yield label, text, int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5


def steepest(fold, rows):
    for part, own in (("train", False), ("test", True)):
        with open(DATA / f"fold-{fold + 1}-{part}.ft", "w", encoding="utf-8") as out:
            out.writelines(f"__label__{label} {text}\n" for label, text, of in rows if (of == fold) == own)
    command = [ROOT / "target/release/steepest", "train", ROOT / "examples/spam_assassin.toml"]
    run = ROOT / "data" / "spam-assassin" / f"run-{fold + 1}"
    subprocess.run(["rm", "-rf", run], check=True)
    command += ["--out", run]
    for part in ("train", "test"):
        command += ["--set", f'data.{part}="{DATA}/fold-{fold + 1}-{part}.ft"']
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"accuracy (\S+)", said[said.rindex("test") :]).group(1))


def peer(fold, rows):
    from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    words = HashingVectorizer(ngram_range=(1, 2), n_features=2**20, alternate_sign=False, norm=None)
    model = make_pipeline(words, TfidfTransformer(sublinear_tf=True), LinearSVC())
    part = lambda own: [(text, label) for label, text, of in rows if (of == fold) == own]
    model.fit(*zip(*part(False)))
    return model.score(*zip(*part(True)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--peer", action="store_true")
    options = parser.parse_args()
    rows = list(mails())
    print(f"{len(rows)} mails")
    systems = [("steepest", steepest)] + ([("scikit-learn", peer)] if options.peer else [])
    for name, run in systems:
        scores = [run(fold, rows) for fold in range(5)]
        print(f"{name}: {sum(scores) / 5:.4f}, folds {', '.join(f'{score:.4f}' for score in scores)}", flush=True)
