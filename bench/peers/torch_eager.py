"""PyTorch, eager, with its fused optimizers."""

import protocol


def build(workload, options):
    import torch

    torch.set_num_threads(options.threads)
    model = {"mlp": Layers, "logistic": Layers, "update": Update}.get(workload.kind, Named)
    return model(torch, workload, options.variant == "compile")


def optimizer_of(torch, spec, parameters):
    if spec["kind"] == "adam":
        betas = (spec["beta1"], spec["beta2"])
        return torch.optim.Adam(parameters, spec["learning_rate"], betas, spec["epsilon"], fused=True)
    return torch.optim.SGD(parameters, spec["learning_rate"], momentum=spec["momentum"], fused=True)


class Network:
    """A network and its loss, trained."""

    def begin(self, torch, workload, compiled, model, loss, target):
        self.versions = {"torch": torch.__version__}
        self.objective = torch.compile(loss) if compiled else loss
        self.optimizer = optimizer_of(torch, workload.optimizer, model.parameters())
        self.batches = [
            (torch.from_numpy(x if x.dtype == "float32" else x.astype("int64")), torch.from_numpy(y.astype(target)))
            for x, y in workload.batch_arrays()
        ]
        self.step = 0

    def run(self, steps):
        for _ in range(steps):
            x, y = self.batches[self.step % len(self.batches)]
            self.optimizer.zero_grad(set_to_none=True)
            self.value = self.objective(x, y)
            self.value.backward()
            self.optimizer.step()
            self.step += 1

    def loss(self):
        return self.value.item()


class Named(Network):
    """A network whose parameters have names: one prediction for each image, or for each token."""

    def __init__(self, torch, workload, compiled):
        import torch_networks

        model = torch_networks.build(workload.spec["model"], workload.parameters())

        def loss(x, y):
            logits = model(x)
            return torch.nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten())

        self.begin(torch, workload, compiled, model, loss, "int64")


class Layers(Network):
    """A multilayer perceptron with softmax cross-entropy, or logistic regression."""

    def __init__(self, torch, workload, compiled):
        layers = []
        for weight, bias in workload.layers():
            layer = torch.nn.Linear(*weight.shape)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(weight.T.copy()))
                layer.bias.copy_(torch.from_numpy(bias.copy()))
            layers += [layer, torch.nn.ReLU()]
        model = torch.nn.Sequential(*layers[:-1])
        if workload.kind == "mlp":
            target = "int64"
            criterion = torch.nn.functional.cross_entropy
        else:
            target = "float32"

            def criterion(logits, y):
                return torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], y)

        def loss(x, y):
            return criterion(model(x), y)

        self.begin(torch, workload, compiled, model, loss, target)


class Update:
    """The optimizer alone, with a constant gradient."""

    def __init__(self, torch, workload, compiled):
        self.versions = {"torch": torch.__version__}
        self.parameter = torch.nn.Parameter(torch.from_numpy(workload.arrays["parameter"].copy()))
        self.parameter.grad = torch.from_numpy(workload.arrays["gradient"].copy())
        self.optimizer = optimizer_of(torch, workload.optimizer, [self.parameter])
        self.update = torch.compile(self.optimizer.step) if compiled else self.optimizer.step

    def run(self, steps):
        for _ in range(steps):
            self.update()

    def loss(self):
        return self.parameter.detach()[:4096].double().square().mean().item()


if __name__ == "__main__":
    protocol.serve(build)
