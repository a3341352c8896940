"""PyTorch with `torch.compile`: forward, loss and backward compiled, the optimizer fused."""

import protocol
import torch_eager


def build(workload, options):
    options.variant = "compile"
    return torch_eager.build(workload, options)


if __name__ == "__main__":
    protocol.serve(build)
