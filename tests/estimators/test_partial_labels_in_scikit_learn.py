"""Every claim of the page "Partial labels in scikit-learn's tools"."""

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier
from sklearn.feature_selection import f_classif
from sklearn.inspection import permutation_importance
from sklearn.model_selection import StratifiedKFold
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.utils.discovery import all_estimators, all_functions

from skfmvae.model_selection import partial_scorer
from skfmvae.nn import MLP

PAGE = Path(__file__).parents[2] / "docs/partial_labels_in_scikit_learn.md"
ROW = re.compile(r"^\| `(.+)` \| (\w+) \| (\w+) \| (\w+) \|$", re.MULTILINE)
TEXT = PAGE.read_text(encoding="utf-8")
CLAIMS = ROW.findall(TEXT)
CELLS = [
    (code, mark, claims[position])
    for code, *claims in CLAIMS
    for position, mark in enumerate(("-1", "NaN", "None"))
]


@pytest.fixture(scope="module")
def page():
    """Return the names that the page has from its first example, and scikit-learn's."""
    first_example = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL).group(1)
    names = dict(all_estimators()) | dict(all_functions())
    exec(first_example, names)
    # What marks mean to tools does not depend on these, which take most of a fit.
    small = dict.fromkeys(("encoder", "decoder"), MLP((32,)))
    names["model"].set_params(neighbours=None, adversarial=None, **small)
    return names


def labels(page, mark):
    """Return all labels, and the page's partial ones with gaps marked in some way."""
    truth, labelled = page["truth"], page["labelled"]
    if mark == "None":
        words = np.array(["ant", "bee", "cat"], dtype=object)[truth]
        return words, np.where(labelled, words, None)
    return truth, np.where(labelled, truth, -1 if mark == "-1" else np.nan)


def is_right(page, code, truth, value):
    """Return whether a row of the tables evaluates to what all labels say."""
    X, labelled = page["X"], page["labelled"]
    name = code.partition("(")[0]
    if name == "train_test_split":
        *_, train, test = value
        return all(
            abs(np.mean(train == label) - np.mean(test == label)) < 0.02
            for label in (*set(truth), -1)
        )
    if name == "cross_val_predict":
        return value.shape == (150, 3) if value.ndim == 2 else (value == truth).all()
    if name == "permutation_importance":

        def accuracy(model, X, y):
            return np.mean(model.predict(X)[labelled] == y[labelled])

        expected = permutation_importance(
            page["model"], X, truth, scoring=accuracy, random_state=0
        )
        return np.allclose(value.importances, expected.importances)
    scores = value[2] if name == "learning_curve" else value
    return (scores == 1).all()


# A fit that ends before its optimum refuses nothing.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("code", "mark", "claim"), CELLS)
def test_table(page, code, mark, claim):
    truth, y = labels(page, mark)
    names = page | {"y": y}
    try:
        value = eval(code, names)
        if hasattr(value, "fit"):
            if code.startswith("MultiOutput"):
                y, truth = y[:, None], truth[:, None]
            value.fit(page["X"], y)
            right = (value.predict(page["X"]) == truth).all()
            right &= -1 not in np.ravel(value.classes_)
        else:
            right = is_right(page, code, truth, value)
    except (TypeError, ValueError, Warning):
        verdict = "refused"
    else:
        verdict = "works" if right else "wrong"
    assert verdict == claim


def test_tables_are_read():
    cells = re.findall(r"\| (works|wrong|refused) ", TEXT)
    assert len(cells) == len(CELLS) > 90


def test_stratified_folds_hold_unlabelled_rows_out(page):
    """Of sorted rows, nearly all the unlabelled ones of a class at once."""
    truth = np.sort(page["truth"])
    y = np.where(np.random.default_rng(0).random(150) < 0.3, truth, -1)
    for label, (_, test) in enumerate(StratifiedKFold(3).split(truth[:, None], y)):
        held_out = (y[test] == -1) & (truth[test] == label)
        assert held_out.sum() > 0.9 * np.sum((y == -1) & (truth == label))


def test_columns_are_chosen_by_what_labels_say(page):
    """SelectKBest scores columns by how well they tell unlabelled rows as well."""
    X, y, labelled = page["X"], page["y"], page["labelled"]
    assert not np.allclose(f_classif(X, y)[0], f_classif(X[labelled], y[labelled])[0])


def test_self_training_fits_labelled_rows_alone(page):
    X, y, labelled = page["X"], page["y"], page["labelled"]
    seen = []

    class Seeing(GaussianNB):
        def fit(self, X, y):
            seen.append((len(X), set(y)))
            return super().fit(X, y)

    SelfTrainingClassifier(Seeing()).fit(X, y)
    assert seen[0] == (labelled.sum(), {0, 1, 2})


def test_a_vote_over_bags_sees_encoded_labels(page):
    """Why an estimator cannot refuse: -1 has become 0 before it is asked."""
    X, y = page["X"], page["y"]
    seen = []

    class Seeing(GaussianNB):
        def fit(self, X, y, sample_weight=None):
            seen.append(set(y))
            return super().fit(X, y, sample_weight)

    BaggingClassifier(Seeing(), n_estimators=1, random_state=0).fit(X, y)
    assert seen == [{0, 1, 2, 3}]


def test_scorer_refuses_a_class_of_unlabelled_rows(page):
    X, y, labelled = page["X"], page["y"], page["labelled"]
    scorer = partial_scorer()
    mistaken = BaggingClassifier(GaussianNB(), n_estimators=2).fit(X, y)
    with pytest.raises(ValueError, match=r"BaggingClassifier has -1 .* labelled rows"):
        scorer(mistaken, X, y)
    several = MultiOutputClassifier(GaussianNB()).fit(X, np.column_stack([y, y % 2]))
    with pytest.raises(ValueError, match="-1 among its classes_"):
        scorer(several, X, np.column_stack([y, y]))
    # Classes of -1 and +1 are no better: half of the labels would not be scored.
    signs = GaussianNB().fit(X, np.sign(page["truth"] - 0.5))
    with pytest.raises(ValueError, match="give it another value"):
        scorer(signs, X, np.sign(page["truth"] - 0.5))
    assert scorer(GaussianNB().fit(X[labelled], y[labelled]), X, y) == 1
    assert scorer(LabelSpreading().fit(X, y), X, y) == 1
