"""Numbers of labels that the estimators of a study are fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skfmvae._utils.checks import check_whole

from .tasks import Study

__all__ = ["budget_size", "check_budgets"]


def check_budgets(
    budgets: Sequence[int | Mapping[str, int]], study: Study
) -> list[dict[str, int]]:
    """Return each budget as a number of labels of every property.

    Parameters
    ----------
    budgets : sequence of int, or of dict of str to int
        As for `label_efficiency_curve`.
    study : Study
        The study.

    Returns
    -------
    checked : list of dict of str to int
        The budgets, from the smallest to the largest.

    Raises
    ------
    ValueError
        If a budget is no number of labels, larger than the number of labels in some
        training part, or of the same size as another.
    """
    names = list(study.targets.properties)
    available = {  # in the training part with the fewest labels
        name: min((codes[train] >= 0).sum() for train, _ in study.splits)
        for name, codes in study.codes.items()
    }
    checked = []
    for budget in budgets:
        named = budget if isinstance(budget, Mapping) else dict.fromkeys(names, budget)
        unknown = sorted(set(named) - set(names))
        if unknown or not named:
            raise ValueError(
                f"budgets has {budget!r}; give numbers of labels, or dicts of them by "
                f"the names of properties, which are {names}."
            )
        for name, number in named.items():
            check_whole("budgets", number, 1)
            if number > available[name]:
                raise ValueError(
                    f"budgets has {number} labels of {name!r}, but a training part has "
                    f"only {available[name]}; lower it, or label more rows."
                )
        # A property that is not named keeps all its labels.
        every = len(study.targets.codes)
        checked.append({name: int(named.get(name, every)) for name in names})
    sizes = [budget_size(budget, study) for budget in checked]
    if not sizes or len(set(sizes)) < len(sizes):
        raise ValueError(f"budgets={budgets!r} should be one or more, all different.")
    return sorted(checked, key=lambda budget: budget_size(budget, study))


def budget_size(budget: Mapping[str, int], study: Study) -> int:
    """Return the largest number of labels in a budget.

    Parameters
    ----------
    budget : dict of str to int
        Number of labels of every property.
    study : Study
        The study.

    Returns
    -------
    size : int
        The number of rows where all properties keep all labels.
    """
    every = len(study.targets.codes)
    return max((number for number in budget.values() if number < every), default=every)
