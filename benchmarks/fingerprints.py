"""Fingerprints of small fits, which show that a change to the code changes no result.

Run it before a change with ``--save``, and after it with ``--compare``: each fit gives
one digest of its weights, history, predictions, samples and interventions. They are the
same to the last bit where nothing has changed. Digests hold for one machine and one
version of PyTorch and NumPy alone; the order and the names of parameters do not matter.

    python benchmarks/fingerprints.py --save build/fingerprints.json
    python benchmarks/fingerprints.py --compare build/fingerprints.json
"""

import argparse
import hashlib
import json
import warnings
from pathlib import Path

import numpy as np
import torch
from common import digits, keep_labels
from scipy.sparse import csr_matrix

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators import Inference, LabelAutoencoder, Levels, Mixture
from skfmvae.images import ImageAugmentation
from skfmvae.models import (
    Continuous,
    Discrete,
    GraphicalModel,
    Latent,
)
from skfmvae.nn import MLP, Conv
from skfmvae.regularizers import Neighbours, VirtualAdversarial
from skfmvae.training import EarlyStopping, Objective

N_ROWS = 400
RESULTS = (  # with the kind of thing that each gives
    "predict",
    "predict_proba",
    "transform",
    "reconstruct",
    "score_samples",
)


def one_property():
    """Return digits with 60 labels."""
    X, y = digits()
    return X[:N_ROWS], keep_labels(y[:N_ROWS], 60, 0)


def two_properties():
    """Return digits with two properties, each with a third of its labels."""
    X, y = digits()
    both = np.column_stack([y % 5, y // 5])[:N_ROWS]
    hidden = np.random.default_rng(0).random(both.shape) < 0.67
    return X[:N_ROWS], np.where(hidden, -1, both)


def labelled_and_discovered():
    """Return digits with one labelled property beside one without a label."""
    X, y = one_property()
    return X, np.column_stack([np.where(y < 0, -1, y % 5), np.full_like(y, -1)])


def quantities():
    """Return digits with a class and two quantities, each on some rows."""
    X, y = one_property()
    image = X.reshape(-1, 8, 8)
    ink = np.column_stack([image.mean((1, 2)), image[:, :4].mean((1, 2))])
    ink[np.random.default_rng(1).random(N_ROWS) < 0.8] = np.nan
    return X, np.column_stack([np.where(y < 0, np.nan, y), ink])


def counts():
    """Return a CSR matrix of counts with 60 labels."""
    X, y = one_property()
    return csr_matrix(np.round(16 * X)), y


def real_columns():
    """Return columns on different scales with 60 labels."""
    X, y = one_property()
    mixing = np.random.default_rng(2).normal(size=(X.shape[1], 12))
    return (X @ mixing * np.geomspace(0.1, 10, 12)).astype(np.float32), y


def unlabelled():
    """Return digits without a label."""
    return one_property()[0], None


def fits():
    """Return {name: (estimator, data)} of a fit for every branch of the code."""
    small = {"random_state": 0, "max_epochs": 8}
    conv = {"encoder": Conv((8, 16)), "decoder": Conv((8, 16))}
    graph = GraphicalModel(
        {"digit": Discrete(), "ink": Continuous(2), "style": Latent(6)},
        generative={"ink": ["digit"]},
        recognition={"style": ["digit", "ink"]},
    )
    mixture = Mixture(
        covariance_type="full",
        property_resampling=0.4,
        style_resampling=0.6,
        warmup=0.3,
    )
    return {
        "mixture": (FactorialMixtureVAE(**small), one_property),
        "mixture, two properties": (FactorialMixtureVAE(**small), two_properties),
        "mixture, discovered": (FactorialMixtureVAE(**small), labelled_and_discovered),
        "mixture, no label": (
            FactorialMixtureVAE(property_components=10, **small),
            unlabelled,
        ),
        "mixture, counts": (
            FactorialMixtureVAE(likelihood="poisson", **small),
            counts,
        ),
        "mixture, images": (
            FactorialMixtureVAE(
                augmentation=ImageAugmentation(), mixture=mixture, **conv, **small
            ),
            one_property,
        ),
        "mixture, no graph": (
            FactorialMixtureVAE(
                neighbours=None, objective=Objective(kl_start=2.0), **small
            ),
            real_columns,
        ),
        "mixture, early stopping": (
            FactorialMixtureVAE(
                callbacks=[EarlyStopping(patience=2)],
                adversarial=VirtualAdversarial(n_power_iterations=2),
                property_components=12,
                **small,
            ),
            real_columns,
        ),
        "mixture, no regularizer": (
            FactorialMixtureVAE(
                neighbours=None, adversarial=None, encoder=MLP((64, 64)), **small
            ),
            one_property,
        ),
        "semi-supervised": (SemiSupervisedVAE(**small), one_property),
        "semi-supervised, two properties": (SemiSupervisedVAE(**small), two_properties),
        "semi-supervised, quantities": (
            SemiSupervisedVAE(graphical_model=graph, **small),
            quantities,
        ),
        "semi-supervised, importance-weighted": (
            SemiSupervisedVAE(
                inference=Inference(n_particles=3, bound="iwae", prediction="joint"),
                **small,
            ),
            one_property,
        ),
        "semi-supervised, relaxed": (
            SemiSupervisedVAE(
                inference=Inference(marginalization="gumbel"), n_discovered=1, **small
            ),
            counts,
        ),
        "semafo": (SemafoVAE(**small), one_property),
        "semafo, levels": (
            SemafoVAE(
                levels=Levels([1], n_dims=4),
                label_autoencoder=LabelAutoencoder(separate=True),
                **conv,
                **small,
            ),
            two_properties,
        ),
        "semafo, counts": (
            SemafoVAE(likelihood="negative_binomial", **small),
            counts,
        ),
        "semafo, neighbours by hand": (
            SemafoVAE(
                neighbours=Neighbours(n_neighbors=8, alpha=0.9, n_rebuilds=1), **small
            ),
            labelled_and_discovered,
        ),
    }


def fingerprint(estimator, X, y):
    """Fit, and return one digest of all that comes out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, y)
    state = estimator.net_.module_.state_dict()
    state.pop("_extra_state", None)  # what else a model needs in order to go on
    found = sorted(digest(value) for value in state.values())
    for row in estimator.net_.history:
        terms = (value for key, value in row.items() if key.startswith("train_"))
        found += sorted(digest(v) for v in terms if isinstance(v, float))
    found += [digest(getattr(estimator, name)(X[:50])) for name in RESULTS]
    name = estimator.property_names_[0]
    value = np.ravel(estimator.predict(X[:1]))[0]
    found += [
        digest(estimator.sample(20, random_state=1, draw="mean")),
        digest(estimator.sample(20, {name: value}, random_state=2, draw="mean")),
        digest(estimator.intervene(X[:20], {name: value})),
    ]
    return hashlib.sha256("".join(found).encode()).hexdigest()[:16]


def digest(result):
    """Return a digest of an array, a tensor, a number or a list of them."""
    if isinstance(result, (list, tuple)):
        return "".join(map(digest, result))
    values = result.detach().cpu().numpy() if torch.is_tensor(result) else result
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()


def main():
    """Print the digests; save them, or compare them with saved ones."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", type=Path, metavar="FILE")
    parser.add_argument("--compare", type=Path, metavar="FILE")
    parser.add_argument("--only", default="", help="fits whose name begins so")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    before = json.loads(arguments.compare.read_text()) if arguments.compare else {}
    found = {}
    for name, (estimator, data) in fits().items():
        if name.startswith(arguments.only):
            found[name] = fingerprint(estimator, *data())
            verdict = before and ("same" if before.get(name) == found[name] else "NEW")
            print(f"{name:40} {found[name]} {verdict or ''}", flush=True)
    if arguments.save:
        arguments.save.write_text(json.dumps(found, indent=1))
    if arguments.compare:
        changed = [name for name in found if found[name] != before.get(name)]
        raise SystemExit(f"changed: {changed}" if changed else 0)


if __name__ == "__main__":
    main()
