"""
How many labels do I need?
==========================

Rows are there already; labels cost time. A label-efficiency study estimates what more
labels would bring.
"""

# %%
# Three classifiers at three budgets
# ----------------------------------
# All digits are training rows. The study hides all but a budget of labels, draws which
# ones remain for each fold, and scores every classifier on held-out rows.
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

X, y = load_digits(return_X_y=True)
results = label_efficiency_curve(
    {
        "SVC": SVC(),
        "label spreading": LabelSpreading(gamma=5),
        "FactorialMixtureVAE": FactorialMixtureVAE(max_epochs=30),
    },
    X / 16,
    y,
    budgets=[20, 50, 100],
    cv=3,
    random_state=0,
)
print(results.groupby(["estimator", "budget"])["test_score"].mean().unstack().round(3))

# %%
# Labels for a given accuracy
# ---------------------------
# How many labels give 90 % accuracy, and does our estimator differ from the SVC by more
# than chance?
target = 0.9
print(labels_needed(results, target, random_state=0).round(0))
print(compare_estimators(results, "FactorialMixtureVAE", "SVC").round(3))

# %%
# The SVC sees labelled rows alone; the other two learn from all rows.
display = LabelEfficiencyDisplay(results).plot(target_score=target)
display.ax_.set_ylabel("accuracy on new rows")
