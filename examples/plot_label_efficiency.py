"""
How many labels do I need?
==========================

Labels cost time; rows are there already. A study tells what more labels would bring.

Run it as ``python examples/plot_label_efficiency.py FOLDER`` to write the picture to a
folder.
"""

# %%
# All digits are rows to learn from; a study hides their labels, but for some, draws
# these again and again, and scores on rows that it held out.
import sys
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.semi_supervised import LabelSpreading
from sklearn.svm import SVC

from skfmvae import FactorialMixtureVAE
from skfmvae.model_selection import (
    compare_estimators,
    label_efficiency_curve,
    labels_needed,
)
from skfmvae.plotting import LabelEfficiencyDisplay

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
X, y = load_digits(return_X_y=True)
results = label_efficiency_curve(
    {
        "SVC": SVC(),
        "label spreading": LabelSpreading(kernel="knn"),
        "FactorialMixtureVAE": FactorialMixtureVAE(),
    },
    X / 16,
    y,
    budgets=[20, 50, 100, 300],
    cv=3,
    random_state=0,
    n_jobs=2,
    verbose=1,
)
print(results.groupby(["estimator", "budget"])["test_score"].mean().unstack().round(3))

# %%
# How many labels give 95 % accuracy, and does our estimator differ from the SVC by more
# than chance?
target = 0.95
print(labels_needed(results, target, random_state=0).round(0))
print(compare_estimators(results, "FactorialMixtureVAE", "SVC").round(3))

# %%
# The SVC sees labelled rows alone; the other two learn from all.
display = LabelEfficiencyDisplay(results).plot(target_score=target)
display.ax_.set_ylabel("accuracy on new rows")
display.figure_.savefig(folder / "label_efficiency.png", dpi=110)
print(f"accuracy against labels: {folder / 'label_efficiency.png'}")
