"""Writes golden.json: losses, activations and a perceptron of PyTorch and metrics of
scikit-learn, in double precision.

Run with `python generate.py` from this folder, with torch and scikit-learn installed; the versions are
recorded in the file. The tests compare to 1e-12 relative.
"""

import json
import sys

import numpy
import sklearn
import sklearn.metrics as metrics
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
generator = numpy.random.default_rng(20)


def flat(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def loss(name, settings, prediction, target, function):
    prediction = torch.tensor(prediction, requires_grad=True)
    target = torch.tensor(target)
    per_example = function(prediction, target)
    if per_example.dim() > 1:
        per_example = per_example.mean(dim=tuple(range(1, per_example.dim())))
    weights = torch.arange(1.0, per_example.shape[0] + 1.0)
    (per_example * weights).sum().backward()
    return {
        "loss": name,
        "settings": settings,
        "shape": list(prediction.shape),
        "prediction": flat(prediction),
        "target": flat(target),
        "target_shape": list(target.shape),
        "per_example": flat(per_example),
        "gradient": flat(prediction.grad),
    }


def losses():
    values = generator.normal(size=(5, 3)) * 3
    targets = generator.normal(size=(5, 3))
    targets[0] = values[0]
    logits = numpy.concatenate([generator.normal(size=(6, 4)) * 4, [[800.0, -800.0, 0.0, 1.0], [2.0, 2.0, 2.0, 2.0]]])
    labels = generator.integers(0, 4, size=8)
    sequence = generator.normal(size=(2, 3, 4))
    sequence_labels = generator.integers(0, 4, size=(2, 3))
    z = numpy.array([-900.0, -3.0, -0.5, 0.0, 0.5, 3.0, 900.0])
    y = numpy.array([0.0, 1.0, 0.0, 1.0, 0.25, 1.0, 0.0])
    each = {"reduction": "none"}

    def cross_entropy(smoothing):
        def function(x, t):
            moved = x.movedim(-1, 1)
            return F.cross_entropy(moved, t, label_smoothing=smoothing, **each)

        return function

    def one_versus_rest(power):
        def function(x, t):
            sign = 2 * F.one_hot(t, x.shape[-1]) - 1
            return (F.relu(1 - sign * x) ** power).sum(dim=1)

        return function

    def against_the_best(x, t):
        right = F.one_hot(t, x.shape[-1]).bool()
        return F.relu(1 + x.masked_fill(right, -torch.inf).max(dim=1).values - x[right])

    return [
        loss("mean-squared-error", {}, values, targets, lambda p, t: F.mse_loss(p, t, **each)),
        loss("mean-absolute-error", {}, values, targets, lambda p, t: F.l1_loss(p, t, **each)),
        loss("huber", {}, values, targets, lambda p, t: F.huber_loss(p, t, **each)),
        loss("huber", {"delta": 0.3}, values, targets, lambda p, t: F.huber_loss(p, t, delta=0.3, **each)),
        loss("binary-cross-entropy", {}, z, y, lambda p, t: F.binary_cross_entropy_with_logits(p, t, **each)),
        loss("cross-entropy", {}, logits, labels, cross_entropy(0.0)),
        loss("cross-entropy", {"label-smoothing": 0.1}, logits, labels, cross_entropy(0.1)),
        loss("cross-entropy", {}, sequence, sequence_labels, cross_entropy(0.0)),
        loss("hinge", {}, z, y, lambda p, t: F.relu(1 - (2 * t - 1) * p)),
        loss("hinge", {"squared": True}, values, targets, lambda p, t: F.relu(1 - (2 * t - 1) * p) ** 2),
        loss("multiclass-hinge", {}, logits, labels, one_versus_rest(1)),
        loss("multiclass-hinge", {"squared": True}, logits[:6], labels[:6], one_versus_rest(2)),
        loss("multiclass-hinge", {"against": "best"}, logits[:7], labels[:7], against_the_best),
        loss("epsilon-insensitive", {}, values, targets, lambda p, t: F.relu((p - t).abs() - 0.1)),
        loss(
            "epsilon-insensitive",
            {"epsilon": 0.5, "squared": True},
            values,
            targets,
            lambda p, t: F.relu((p - t).abs() - 0.5) ** 2,
        ),
    ]


def activations():
    functions = {
        "identity": lambda x: x * 1.0,
        "relu": F.relu,
        "leaky-relu": F.leaky_relu,
        "leaky-relu(slope=0.2)": lambda x: F.leaky_relu(x, 0.2),
        "elu": F.elu,
        "elu(alpha=0.5)": lambda x: F.elu(x, 0.5),
        "selu": F.selu,
        "gelu": F.gelu,
        "gelu-tanh": lambda x: F.gelu(x, approximate="tanh"),
        "silu": F.silu,
        "swish(beta=2)": lambda x: x * torch.sigmoid(2 * x),
        "tanh": torch.tanh,
        "sigmoid": torch.sigmoid,
        "softplus": lambda x: F.softplus(x, threshold=1000),
        "hard-tanh": F.hardtanh,
    }
    points = [-50.0, -5.0, -1.5, -1.0, -0.3, -1e-3, 0.0, 1e-3, 0.4, 1.0, 2.0, 7.0, 50.0]
    rows = []
    for name, function in functions.items():
        x = torch.tensor(points, requires_grad=True)
        y = function(x)
        y.sum().backward()
        rows.append({"activation": name, "x": points, "y": flat(y), "slope": flat(x.grad)})
    return rows


def perceptron():
    """One forward and backward pass; weights are written as [inputs, outputs]."""
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 5), torch.nn.Tanh(), torch.nn.Linear(5, 3), torch.nn.Tanh(), torch.nn.Linear(3, 2)
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.tensor(generator.normal(size=tuple(parameter.shape))))
    x, labels = torch.tensor(generator.normal(size=(6, 4))), torch.tensor(generator.integers(0, 2, size=6))
    logits = model(x)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    parameters = {}
    for index, linear in enumerate(layer for layer in model if isinstance(layer, torch.nn.Linear)):
        weight, bias = linear.weight, linear.bias
        shape = [weight.shape[1], weight.shape[0]]
        parameters[f"mlp.{index}.weight"] = {"shape": shape, "value": flat(weight.T), "gradient": flat(weight.grad.T)}
        parameters[f"mlp.{index}.bias"] = {"shape": shape[1:], "value": flat(bias), "gradient": flat(bias.grad)}
    return {
        "x": flat(x),
        "labels": labels.tolist(),
        "logits": flat(logits),
        "loss": loss.item(),
        "parameters": parameters,
    }


def measured():
    classes, n = 4, 60
    logits = numpy.round(generator.normal(size=(n, classes)) * 2, 1)
    logits += numpy.arange(classes) * 1e-3  # no ties within a row, whose order is a convention
    labels = generator.integers(0, classes, size=n)
    probabilities = numpy.exp(logits) / numpy.exp(logits).sum(axis=1, keepdims=True)
    scores = numpy.round(generator.normal(size=n), 1)
    yes = (generator.uniform(size=n) < 0.4).astype(int)
    values, targets = generator.normal(size=(n, 2)), generator.normal(size=(n, 2)) * [1.0, 5.0]
    sigmoid = 1 / (1 + numpy.exp(-scores))
    predicted = logits.argmax(axis=1)
    multiclass = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "top-k-accuracy(k=2)": metrics.top_k_accuracy_score(labels, logits, k=2),
        "confusion-matrix": metrics.f1_score(labels, predicted, average="macro"),
        "log-loss": metrics.log_loss(labels, probabilities),
        "bits-per-token": metrics.log_loss(labels, probabilities) / numpy.log(2.0),
    }
    binary = {
        "accuracy": metrics.accuracy_score(yes, scores > 0),
        "auc": metrics.roc_auc_score(yes, scores),
        "log-loss": metrics.log_loss(yes, sigmoid),
        "confusion-matrix": metrics.f1_score(yes, scores > 0, average="macro"),
    }
    regression = {
        "rmse": float(numpy.sqrt(((values - targets) ** 2).mean())),
        "mae": metrics.mean_absolute_error(targets, values),
        "r2": metrics.r2_score(targets, values),
    }
    return [
        {"task": {"kind": "multiclass", "classes": classes}, "predictions": logits.ravel().tolist(),
         "targets": labels.tolist(), "values": {k: float(v) for k, v in multiclass.items()}},
        {"task": {"kind": "binary"}, "predictions": scores.tolist(),
         "targets": yes.tolist(), "values": {k: float(v) for k, v in binary.items()}},
        {"task": {"kind": "regression", "outputs": 2}, "predictions": values.ravel().tolist(),
         "targets": targets.ravel().tolist(), "values": {k: float(v) for k, v in regression.items()}},
    ]


versions = {
    "python": sys.version.split()[0],
    "torch": torch.__version__.split("+")[0],
    "scikit-learn": sklearn.__version__,
    "numpy": numpy.__version__,
}
document = {
    "versions": versions,
    "losses": losses(),
    "activations": activations(),
    "metrics": measured(),
    "perceptron": perceptron(),
}
with open("golden.json", "w") as file:
    json.dump(document, file, indent=1)
    file.write("\n")
