"""scikit-learn's checks of the estimators at their defaults.

    python benchmarks/checks.py

The tests run the same checks with fewer epochs.
"""

import argparse
import sys
import time
from collections import Counter

from report import ROOT, add_save, report
from sklearn.utils.estimator_checks import check_estimator

import skfmvae

sys.path.insert(0, str(ROOT))
from tests.estimators.test_common import EXPECTED_FAILURES


def run(name):
    """Return the cells of an estimator: how many checks ended how, and the seconds."""
    start = time.perf_counter()
    results = check_estimator(
        getattr(skfmvae, name)(), expected_failed_checks=EXPECTED_FAILURES
    )
    seconds = time.perf_counter() - start
    counts = Counter(result["status"] for result in results)
    ends = (str(counts[status]) for status in ("passed", "skipped", "xfail"))
    return [name, *ends, f"{seconds:.0f}"]


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_save(parser)
    arguments = parser.parse_args()
    report(
        "Checks of scikit-learn",
        ["", "passed", "skipped", "failed as expected", "s"],
        [run(name) for name in skfmvae.__all__],
        "one run",
        arguments.save,
    )


if __name__ == "__main__":
    main()
