"""Write small files of fitted estimators, which later versions have to read.

Run it once for a format: ``python tests/data/make_files.py 0.1``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

import skfmvae
from skfmvae.estimators import LabelAutoencoder
from skfmvae.nn import MLP

FOLDER = Path(__file__).parent
N = 60


def rows():
    """Return a table of several kinds of columns, with gaps, and labels."""
    rng = np.random.default_rng(0)
    kind = np.arange(N) % 3
    table = pd.DataFrame(
        {
            "length": rng.normal(size=N) + kind,
            "number": rng.poisson(2 + kind).astype(float),
            "colour": np.array(["red", "green", "blue"])[kind],
            "sign": np.array(["minus", "plus"])[rng.integers(0, 2, N)],
        }
    )
    table = table.mask(rng.random(table.shape) < 0.1)
    y = pd.DataFrame(
        {"kind": np.array(["x", "y", "z"], object)[kind], "half": np.arange(N) % 2}
    )
    y.loc[30:, "kind"] = None
    return table, y


def main(version):
    """Fit each estimator, and write its file and what it predicts."""
    X, y = rows()
    some = X.iloc[:5]
    predictions = {"rows": json.loads(some.to_json(orient="records"))}
    for name in skfmvae.__all__:
        small = {"label_autoencoder": LabelAutoencoder((8,), (8,))}
        estimator = getattr(skfmvae, name)(
            encoder=MLP((8,)),
            decoder=MLP((8,)),
            max_epochs=3,
            random_state=0,
            **(small if name == "SemafoVAE" else {}),
        )
        estimator.fit(X, y).save(FOLDER / f"{name}_{version}.safetensors")
        proba = estimator.property_proba(some)
        predictions[name] = {
            "proba": {k: p.round(6).tolist() for k, p in proba.items()},
            "predicted": estimator.predict(some).tolist(),
        }
    text = json.dumps(predictions, indent=1)
    (FOLDER / f"predictions_{version}.json").write_text(text + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
