"""What kinds the rules of `skfmvae.columns` find in the columns of tables.

    OMP_NUM_THREADS=1 python benchmarks/column_kinds.py

The 18 tables as they come, and the four tables of HI-VAE (Nazabal et al. 2020) beside
the kinds that its authors gave: those of all columns that they did not call categories.
"""

import argparse
from collections import Counter

import numpy as np
import pandas as pd
from common import DATA_FOLDER, columns_and_classes
from report import DECISIONS, add_save, report

from skfmvae.columns import KINDS, ColumnEncoder

PAGE = DECISIONS / "038-kinds-of-columns.md"
OURS = {"ordinal": "ordinal", "pos": "positive", "count": "count", "real": "real"}


def kinds_of(frame):
    """Return the kind of each column of a frame."""
    return [column.kind for column in ColumnEncoder().fit(frame).columns]


def published(name):
    """Return the numbers of a table of HI-VAE, and the kinds that its authors gave."""
    with np.load(DATA_FOLDER / "hivae" / f"{name}.npz") as data:
        rows, kinds = data["data"], data["kind"]
        bits = np.unpackbits(data["truly_missing"], count=rows.size)
    rows = pd.DataFrame(np.where(bits.reshape(rows.shape), np.nan, rows))
    rows = rows.loc[:, kinds != "cat"].rename(columns=str)
    return rows, [OURS[kind] for kind in kinds if kind != "cat"]


def main():
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add_save(parser)
    save = parser.parse_args().save

    tables = sorted(path.name for path in (DATA_FOLDER / "tables").glob("*.csv.gz"))
    rows = []
    for name in (table.removesuffix(".csv.gz") for table in tables):
        frame, _ = columns_and_classes(name)
        kinds = kinds_of(frame)
        counts = [c for c, kind in zip(frame, kinds, strict=True) if kind == "count"]
        found = Counter(kinds)
        rows.append([name, *(str(found[kind]) for kind in KINDS), " ".join(counts)])
    heads = ["columns", *KINDS, "which are counts"]
    report("Kinds in the tables", heads, rows, "all rows", save, PAGE)

    rows = []
    for name in ("adult", "breast", "default_credit", "wine"):
        frame, theirs = published(name)
        pairs = Counter(zip(theirs, kinds_of(frame), strict=True))
        rows += [[name, *pair, str(n)] for pair, n in sorted(pairs.items())]
    heads = ["table", "HI-VAE", "found", "columns"]
    report("Kinds beside those of HI-VAE", heads, rows, "all rows", save, PAGE)


if __name__ == "__main__":
    main()
