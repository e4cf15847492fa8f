"""Writes optimisers.json: what PyTorch's optimisers and its plateau schedule do with made-up gradients and accuracies.

Run with a Python that has torch: python3 make_optimisers.py > optimisers.json
"""
import json
import torch

torch.manual_seed(1)
SIZES = [("kernel", 54), ("norm", 2), ("norm", 2), ("kernel", 6), ("bias", 3)]  # the order of the network in OptimiserTests
STEPS, DECAY, RATES = 6, 0.05, [0.1, 0.1, 0.05, 0.2, 0.1, 0.01]

start = [torch.randn(n) for _, n in SIZES]
gradients = [[torch.randn(n) for _, n in SIZES] for _ in range(STEPS)]


def flat(tensors):
    return [float(v) for t in tensors for v in t]


def run(make):
    weights = [t.clone().requires_grad_() for t in start]
    kernels = [w for w, (kind, _) in zip(weights, SIZES) if kind == "kernel"]
    others = [w for w, (kind, _) in zip(weights, SIZES) if kind != "kernel"]
    optimiser = make([{"params": kernels, "weight_decay": DECAY}, {"params": others, "weight_decay": 0}])
    after = []
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = RATES[step]
        for w, g in zip(weights, gradients[step]):
            w.grad = g.clone()
        optimiser.step()
        after.append(flat(w.detach() for w in weights))
    return after


def plateau(accuracies, patience, cooldown):
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1)
    schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, mode="max", factor=0.5, patience=patience, cooldown=cooldown, threshold=0, threshold_mode="abs", eps=0)
    rates = []
    for accuracy in accuracies:
        schedule.step(accuracy)
        rates.append(optimiser.param_groups[0]["lr"])
    return {"patience": patience, "cooldown": cooldown, "rates": rates}


accuracies = [int(v) for v in torch.randint(0, 40, (60,)) + torch.arange(60) // 6]
print(json.dumps({
    "torch": torch.__version__,
    "decay": DECAY,
    "rates": RATES,
    "start": flat(start),
    "gradients": [flat(g) for g in gradients],
    "nesterov": run(lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9, nesterov=True)),
    "momentum": run(lambda groups: torch.optim.SGD(groups, lr=1, momentum=0.9)),
    "adam": run(lambda groups: torch.optim.Adam(groups, lr=1)),
    "accuracies": accuracies,
    "plateaus": [plateau(accuracies, p, c) for p, c in [(0, 0), (1, 0), (2, 3), (5, 1)]],
}))
