"""Run an example and save its figures: ``save_figures.py EXAMPLE FOLDER``."""

import runpy
import sys
from pathlib import Path

import matplotlib.pyplot as plt

example, folder = map(Path, sys.argv[1:])
runpy.run_path(str(example), run_name="__main__")
for number in plt.get_fignums():
    path = folder / f"{example.stem.removeprefix('plot_')}_{number}.png"
    plt.figure(number).savefig(path, dpi=110, bbox_inches="tight")
    print(f"figure {number}: {path}")
