"""MNIST by random Fourier features and a hinge loss in scikit-learn, to be held against `examples/mnist_fourier.toml`.

    cargo xtask data mnist
    python bench/quality/fourier.py [--features N] [--epochs N]

Pixels from 0 to 1, e^(−γ‖x − x'‖²) with the spec's γ, one against the rest, averaged weights. Prints the accuracy on the test images.
"""

import argparse
from pathlib import Path

import numpy
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier

DATA = Path(__file__).resolve().parents[2] / "data" / "mnist"


def images(name):
    pixels = numpy.frombuffer((DATA / f"{name}-images-idx3-ubyte").read_bytes()[16:], "uint8").reshape(-1, 784)
    labels = numpy.frombuffer((DATA / f"{name}-labels-idx1-ubyte").read_bytes()[8:], "uint8")
    return pixels.astype("float32") / 255, labels


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--features", type=int, default=4096)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--gamma", type=float, default=0.025)
    parser.add_argument("--alpha", type=float, default=1e-6)
    options = parser.parse_args()
    x, y = images("train")
    test_x, test_y = images("t10k")
    sampler = RBFSampler(gamma=options.gamma, n_components=options.features, random_state=1).fit(x[:1])
    # Cosines are of size √(2/N): to their own size, so that steps are as long as on other features.
    scale = (options.features / 2) ** 0.5
    z = sampler.transform(x).astype("float32") * scale
    model = SGDClassifier(
        loss="hinge", alpha=options.alpha, learning_rate="adaptive", eta0=1e-3, max_iter=options.epochs, tol=None, average=True,
        random_state=1, n_jobs=2,
    )
    model.fit(z, y)
    accuracy = model.score(sampler.transform(test_x).astype("float32") * scale, test_y)
    print(f"scikit-learn, {options.features} features, {options.epochs} epochs: {accuracy:.4f}")
