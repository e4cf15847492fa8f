"""Writes torchvision.NAME.pth, state dicts of small MobileNets as torchvision's own training script saves them, and torchvision.logits.safetensors, what
torchvision computes with them, for TorchvisionImportTests.cs.

Run with torchvision from 0.14 on, in this folder: `python3 make_torchvision_weights.py`. Weights are torchvision's random initialisation; one batch in training
mode moves the running statistics from where they begin. They are saved in half precision, to be small, and computed with in double precision.
"""
import torch
from torchvision import models

from make_parity import save

NETWORKS = {
    "mobilenet-v2-x0.1": models.mobilenet_v2,
    "mobilenet-v3-large-x0.1": models.mobilenet_v3_large,
    "mobilenet-v3-small-x0.1": models.mobilenet_v3_small,
}
SIZE, CLASSES = 45, 7


def main():
    torch.manual_seed(1)
    images = torch.randn(3, 3, SIZE, SIZE).half()
    tensors = {"images": images}
    for name, build in NETWORKS.items():
        model = build(width_mult=0.1, num_classes=CLASSES)
        with torch.no_grad():
            model.train()(torch.randn(32, 3, SIZE, SIZE))
            model.half()
            torch.save(model.state_dict(), f"torchvision.{name}.pth")
            tensors[name] = model.double().eval()(images.double()).float()
    save("torchvision.logits.safetensors", tensors, {"torch": torch.__version__})


if __name__ == "__main__":
    main()
