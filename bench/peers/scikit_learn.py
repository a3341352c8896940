"""scikit-learn: MLPClassifier batch by batch, SGDClassifier pass by pass (variant `shuffle`: rows shuffled)."""

import time

import protocol


def build(workload, options):
    return {"mlp": Network, "logistic": Logistic}[workload.kind](workload, options.variant)


class Network:
    """MLPClassifier; `partial_fit` takes one step on the batch it is given.

    With two classes it has a single output, which is another model than two logits.
    """

    def __init__(self, workload, _variant):
        import numpy
        import sklearn
        from sklearn.neural_network import MLPClassifier
        from sklearn.neural_network import _stochastic_optimizers as optimizers

        self.versions = {"scikit-learn": sklearn.__version__}
        self.batches = workload.batch_arrays()
        sizes, spec = workload.spec["model"]["layers"], workload.optimizer
        self.model = MLPClassifier(
            hidden_layer_sizes=sizes[1:-1],
            solver="adam" if spec["kind"] == "adam" else "sgd",
            alpha=0.0,
            batch_size=workload.batch,
            learning_rate_init=spec["learning_rate"],
            shuffle=False,
            momentum=spec.get("momentum", 0.0),
            nesterovs_momentum=False,
            epsilon=spec.get("epsilon", 1e-8),
        )
        self.classes = numpy.arange(sizes[-1])
        # The first call makes the arrays; then the shared weights and a fresh optimizer take their place.
        x, y = self.batches[0]
        self.model.partial_fit(x, y, classes=self.classes)
        for i, (weight, bias) in enumerate(workload.layers()):
            self.model.coefs_[i][...] = weight
            self.model.intercepts_[i][...] = bias
        parameters = self.model.coefs_ + self.model.intercepts_
        if spec["kind"] == "adam":
            made = optimizers.AdamOptimizer(
                parameters, spec["learning_rate"], spec["beta1"], spec["beta2"], spec["epsilon"]
            )
        else:
            made = optimizers.SGDOptimizer(
                parameters, spec["learning_rate"], "constant", spec["momentum"], nesterov=False
            )
        self.model._optimizer = made
        self.step = 0

    def run(self, steps):
        for _ in range(steps):
            x, y = self.batches[self.step % len(self.batches)]
            self.model.partial_fit(x, y)
            self.step += 1

    def loss(self):
        return float(self.model.loss_)


class Logistic:
    """SGDClassifier. The first steps are single rows; a round is one pass over all rows."""

    def __init__(self, workload, variant):
        import numpy
        import sklearn
        from sklearn.linear_model import SGDClassifier

        self.numpy = numpy
        self.versions = {"scikit-learn": sklearn.__version__}
        self.x, self.y = workload.arrays["x"], workload.arrays["y"].astype("int64")
        self.model = SGDClassifier(
            loss="log_loss",
            penalty=None,
            learning_rate="constant",
            eta0=workload.optimizer["learning_rate"],
            shuffle=variant == "shuffle",
        )
        self.classes = numpy.array([0, 1])
        self.weight, self.bias = (array.copy() for array in workload.layers()[0])
        self.row = 0

    def run(self, steps):
        for _ in range(steps):
            x, y = self.x[self.row : self.row + 1], self.y[self.row : self.row + 1]
            if self.row:
                self.weight, self.bias = self.model.coef_[0].copy(), self.model.intercept_.copy()
            self.seen = (x[0], y[0])
            self.model.partial_fit(x, y, classes=self.classes)
            self.row += 1

    def loss(self):
        """The loss of the last row before its update."""
        x, y = self.seen
        logit = float(x @ self.weight.reshape(-1) + self.bias[0])
        return float(self.numpy.logaddexp(0.0, -logit if y == 1 else logit))

    def round(self):
        start = time.perf_counter()
        self.model.partial_fit(self.x, self.y)
        return (time.perf_counter() - start) / len(self.y)


if __name__ == "__main__":
    protocol.serve(build)
