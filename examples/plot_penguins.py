"""
Penguins with gaps
==================

A table as field work leaves it: measurements, categories and counts, some missing, and
two properties, species and sex, known for a few animals. The numbers are made here,
after the means of the Palmer penguins (Horst, Hill and Gorman 2020).
"""

# %%
# Three species on three islands. An eighth of the animals has a species, another one a
# sex, and 15 % of all other entries are missing.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skfmvae import SemiSupervisedVAE

rng = np.random.default_rng(0)
n = 600
names = np.array(["Adelie", "Chinstrap", "Gentoo"])
species = rng.choice(3, n, p=[0.44, 0.2, 0.36])
male = rng.random(n) < 0.5
size = rng.normal(size=n)  # large animals are large in every way


def measured(means, of_males, of_size, noise):
    """Return a measurement whose mean depends on species, sex and size."""
    return (
        np.array(means)[species] + of_males * male + of_size * size
        + noise * rng.normal(size=n)
    )  # fmt: skip


penguins = pd.DataFrame(
    {
        "bill_length": measured([37.3, 46.6, 45.6], 3.2, 1.5, 1.2).round(1),
        "bill_depth": measured([17.6, 17.6, 14.2], 1.5, 0.4, 0.5).round(1),
        "flipper_length": measured([188, 192, 213], 6, 3, 4).round(),
        "body_mass": measured([3370, 3530, 4680], 640, 200, 180).round(-1),
        "island": np.array(["Biscoe", "Dream", "Torgersen"])[
            [rng.choice(3, p=p) for p in np.array([
                [0.3, 0.37, 0.33], [0, 1, 0], [1, 0, 0]
            ])[species]]
        ],
        "eggs": pd.Categorical(
            rng.choice(["none", "one", "two"], n, p=[0.1, 0.2, 0.7]),
            categories=["none", "one", "two"], ordered=True,
        ),
    }
)  # fmt: skip
complete = penguins.copy()
penguins = penguins.mask(rng.random(penguins.shape) < 0.15)
properties = pd.DataFrame(
    {
        "species": pd.Series(names[species]).where(rng.random(n) < 0.125),
        "sex": pd.Series(np.where(male, "male", "female")).where(rng.random(n) < 0.125),
    }
)
print(penguins.head().to_string())

# %%
# The frame goes in as it is. Each column has the likelihood of its kind.
model = SemiSupervisedVAE(random_state=0).fit(penguins, properties)
for column, likelihood in model.likelihood_.by_column.items():
    print(f"{column:15} {likelihood}")

# %%
# Both properties are predicted, whatever is missing.
predicted = pd.DataFrame(model.predict(penguins), columns=properties.columns)
truth = pd.DataFrame(
    {"species": names[species], "sex": np.where(male, "male", "female")}
)
print((predicted == truth).mean().round(3).to_string())

# %%
# Missing entries are filled by what is expected of them, or drawn several times, which
# shows how little or how much the rest of a row says.
filled = model.impute(penguins)
draws = model.impute(penguins, n_draws=30, random_state=0)
shown = ["bill_length", "flipper_length", "body_mass"]
fig, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
for ax, column in zip(axes, shown, strict=True):
    missing = penguins[column].isna()
    true = complete.loc[missing, column]
    spread = np.stack([draw.loc[missing, column] for draw in draws]).std(axis=0)
    ax.errorbar(true, filled.loc[missing, column], 1.645 * spread, fmt=".", lw=0.5)
    ax.axline((true.mean(), true.mean()), slope=1, color="0.7", zorder=0)
    ax.set(xlabel=f"true {column}", title=column)
axes[0].set_ylabel("imputed, with 90 % intervals")

# %%
# New animals have real categories only, and the properties that one asks for.
new, _ = model.sample(
    5, properties={"species": "Gentoo", "sex": "female"}, random_state=0
)
print(new.round(1).to_string())

plt.show()
