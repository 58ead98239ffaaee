"""
Labels of one property help with another
========================================

What a picture shows and where it shows it are two properties. Does the first need fewer
labels if the second is labelled on every row?
"""

# %%
# The study
# ---------
# Squares, ellipses and hearts of three sizes, at nine positions and two
# orientations. The first study has the shape alone. In the second, the budget names the
# shape, so all other properties keep all of their labels.
import pandas as pd

from skfmvae import FactorialMixtureVAE
from skfmvae.datasets import SPRITES_COLUMNS, make_sprites
from skfmvae.model_selection import compare_estimators, label_efficiency_curve
from skfmvae.plotting import LabelEfficiencyDisplay

X, y = make_sprites(
    1500, n_scales=3, n_orientations=2, n_positions=3, jitter=0.5, random_state=0
)
y = pd.DataFrame(y, columns=SPRITES_COLUMNS[: y.shape[1]])
model = FactorialMixtureVAE(adversarial=None, max_epochs=20)
budgets = [30, 100]
study = {"cv": 3, "random_state": 0}
alone = label_efficiency_curve(
    {"shape alone": model}, X, y["shape"], budgets=budgets, **study
)
beside = label_efficiency_curve(
    {"beside labels of the rest": model},
    X,
    y,
    budgets=[{"shape": budget} for budget in budgets],
    **study,
)

# %%
# The result
# ----------
# The table of several properties has their mean score and the score of each. Labels of
# the rest help a little when the shape has few; three folds are too few to be sure.
beside["test_score"] = beside["test_score_shape"]
results = pd.concat([alone, beside], join="inner", ignore_index=True)
print(results.groupby(["estimator", "budget"])["test_score"].mean().unstack().round(3))
print(compare_estimators(results, "beside labels of the rest", "shape alone").round(3))
display = LabelEfficiencyDisplay(results).plot()
display.ax_.set(xlabel="labels of the shape", ylabel="accuracy of the shape")
