"""JAX: the whole step under one `jit`, parameters and optimizer state donated; optax for the update."""

import os

import protocol


def build(workload, options):
    if options.threads == 1:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    import jax
    import optax

    versions = {"jax": jax.__version__, "optax": optax.__version__}
    model = {"mlp": Network, "logistic": Network, "update": Update}.get(workload.kind, Named)
    return model(jax, optax, workload, versions)


def optimizer_of(optax, spec):
    if spec["kind"] == "adam":
        return optax.adam(spec["learning_rate"], spec["beta1"], spec["beta2"], spec["epsilon"])
    return optax.sgd(spec["learning_rate"], spec["momentum"] or None)


class Network:
    """A multilayer perceptron with softmax cross-entropy, or logistic regression."""

    def __init__(self, jax, optax, workload, versions):
        self.versions = versions
        jnp = jax.numpy
        optimizer = optimizer_of(optax, workload.optimizer)
        last = len(workload.layers()) - 1

        def objective(parameters, x, y):
            for i, (weight, bias) in enumerate(parameters):
                x = x @ weight + bias
                x = x if i == last else jax.nn.relu(x)
            if workload.kind == "mlp":
                return optax.softmax_cross_entropy_with_integer_labels(x, y).mean()
            return optax.sigmoid_binary_cross_entropy(x[:, 0], y).mean()

        def step(parameters, state, x, y):
            value, gradients = jax.value_and_grad(objective)(parameters, x, y)
            updates, state = optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), state, value

        self.advance = jax.jit(step, donate_argnums=(0, 1))
        self.parameters = [(jnp.array(w), jnp.array(b)) for w, b in workload.layers()]
        self.state = optimizer.init(self.parameters)
        target = "int32" if workload.kind == "mlp" else "float32"
        # A device array costs far more than its row does: with single rows, some of them are enough.
        pairs = workload.batch_arrays()[:20_000]
        self.batches = [(jnp.array(x), jnp.array(y.astype(target))) for x, y in pairs]
        self.step = 0

    def run(self, steps):
        for _ in range(steps):
            x, y = self.batches[self.step % len(self.batches)]
            self.parameters, self.state, self.value = self.advance(self.parameters, self.state, x, y)
            self.step += 1
        self.value.block_until_ready()

    def loss(self):
        return float(self.value)


class Named:
    """A network whose parameters have names: one prediction for each image, or for each token."""

    def __init__(self, jax, optax, workload, versions):
        import jax_networks

        self.versions = versions
        jnp = jax.numpy
        optimizer = optimizer_of(optax, workload.optimizer)
        spec = workload.spec["model"]
        forward = jax_networks.forward(spec)

        def objective(parameters, statistics, x, y):
            logits, statistics = forward(parameters, statistics, x)
            return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), statistics

        def step(parameters, statistics, state, x, y):
            gradient = jax.value_and_grad(objective, has_aux=True)
            (value, statistics), gradients = gradient(parameters, statistics, x, y)
            updates, state = optimizer.update(gradients, state, parameters)
            return optax.apply_updates(parameters, updates), statistics, state, value

        self.advance = jax.jit(step, donate_argnums=(0, 1, 2))
        parameters = {name: jnp.array(array) for name, array in workload.parameters().items()}
        self.kept = (parameters, jax_networks.statistics(spec, parameters), optimizer.init(parameters))
        index = "float32" if workload.arrays["x"].dtype == "float32" else "int32"
        self.batches = [(jnp.array(x.astype(index)), jnp.array(y.astype("int32"))) for x, y in workload.batch_arrays()]
        self.step = 0

    def run(self, steps):
        for _ in range(steps):
            x, y = self.batches[self.step % len(self.batches)]
            *self.kept, self.value = self.advance(*self.kept, x, y)
            self.step += 1
        self.value.block_until_ready()

    def loss(self):
        return float(self.value)


class Update:
    """The optimizer alone, with a constant gradient."""

    def __init__(self, jax, optax, workload, versions):
        self.versions = versions
        jnp = jax.numpy
        optimizer = optimizer_of(optax, workload.optimizer)

        def step(parameter, state, gradient):
            update, state = optimizer.update(gradient, state, parameter)
            return optax.apply_updates(parameter, update), state

        self.advance = jax.jit(step, donate_argnums=(0, 1))
        self.parameter = jnp.array(workload.arrays["parameter"])
        self.gradient = jnp.array(workload.arrays["gradient"])
        self.state = optimizer.init(self.parameter)

    def run(self, steps):
        for _ in range(steps):
            self.parameter, self.state = self.advance(self.parameter, self.state, self.gradient)
        self.parameter.block_until_ready()

    def loss(self):
        import numpy

        return float(numpy.square(numpy.asarray(self.parameter[:4096], dtype="float64")).mean())


if __name__ == "__main__":
    protocol.serve(build)
