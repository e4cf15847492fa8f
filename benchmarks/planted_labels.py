"""How many labels that were changed on purpose `riffle check --run` finds among the first of its list.

Copies a folder of class folders, moves some images to another class by a seed, prepares the data set, checks it, and counts.
"""
import argparse
import json
import pathlib
import random
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def riffle(*words):
    return subprocess.run([ROOT / "riffle", *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def plant(source, target, count, seed):
    """Copies the images; returns the names of those that went to another class."""
    dice = random.Random(seed)
    images = sorted(path for path in source.glob("*/*") if path.is_file())
    classes = sorted({path.parent.name for path in images})
    changed = set(dice.sample(range(len(images)), count))
    planted = set()
    for i, path in enumerate(images):
        label = path.parent.name
        if i in changed:
            label = dice.choice([other for other in classes if other != label])
            planted.add(f"{label}/{path.name}")
        (target / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / label / path.name)
    return planted


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=pathlib.Path, help="folder with a folder of images for each class")
    parser.add_argument("--model", default=str(ROOT / "models/shufflenet-v2-x1.0.safetensors"), help="run or model whose features are used")
    parser.add_argument("--count", type=int, default=100, help="labels to change")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    options = parser.parse_args()
    for seed in options.seeds:
        with tempfile.TemporaryDirectory() as folder:
            images, data = pathlib.Path(folder, "images"), pathlib.Path(folder, "data")
            planted = plant(options.source, images, options.count, seed)
            riffle("prepare", images, "--out", data, "--validation-fraction", "0.2")
            suspects = json.loads(riffle("check", data, "--run", options.model, "--json"))["suspect_labels"]
        found = [f"{pathlib.PurePosixPath(suspect['name']).parent.name}/{pathlib.PurePosixPath(suspect['name']).name}" in planted for suspect in suspects]
        confident = sum(suspect["is_confident"] for suspect in suspects)
        print(f"seed {seed}: {options.count} changed; {confident} probably wrong, {len(suspects)} listed; "
              + ", ".join(f"{sum(found[:first])} among the first {first}" for first in (options.count, 2 * options.count)))


if __name__ == "__main__":
    main()
