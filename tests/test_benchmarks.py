"""Benchmarks: how tables are kept, what results hold, and figures of a comparison."""

import importlib.util
import json
import re
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.linear_model import LinearRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "RESULTS.md"
DECISIONS = ROOT / "docs" / "decisions"
PAGES = [RESULTS, *sorted(DECISIONS.glob("[0-9]*.md"))]
PROVENANCE = re.compile(
    r"^`.*python benchmarks/(\w+\.py).*` - "
    r"commits? [0-9a-f]{7}.*, 2\d{3}-\d\d-\d\d.*, .+\.$",
    re.MULTILINE,
)

PAGE = """# Results

## Digits
old

| a |
|---|
| 1 |

## MNIST
kept
"""


def load(name):
    """Return a benchmark as a module."""
    path = ROOT / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def report(monkeypatch):
    module = load("report")
    monkeypatch.setattr(module, "commit", lambda: "abc1234")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return module


def test_section_is_replaced_and_others_are_kept(report):
    replaced = report.replace_section(PAGE, "Digits", "new\n\n| b |\n|---|\n")
    assert replaced == (
        "# Results\n\n## Digits\nnew\n\n| b |\n|---|\n\n## MNIST\nkept\n"
    )


def test_last_section_is_replaced(report):
    assert report.replace_section(PAGE, "MNIST", "new") == PAGE.replace("kept", "new")


def test_missing_section_comes_last(report):
    added = report.replace_section(PAGE, "Digi", "new")
    assert added == PAGE + "\n## Digi\nnew\n"
    assert report.replace_section("", "Digits", "new") == "## Digits\nnew\n"


@pytest.mark.parametrize("where", [[], ["page.md"]])
def test_table_is_saved_with_its_provenance(
    report, monkeypatch, tmp_path, capsys, where
):
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    monkeypatch.chdir(tmp_path)
    command = ["benchmarks/digits.py", "--only", "a b", "--save", *where, "--jobs", "1"]
    monkeypatch.setattr("sys.argv", command)
    save = where[0] if where else True
    report.report("Digits", ["x", "y"], [["1", "2"]], "3 seeds", save, page)
    section = page.read_text().partition("## MNIST")[0]
    assert section.endswith("| x | y |\n| --- | --- |\n| 1 | 2 |\n\n")
    [line] = [line for line in section.split("\n") if line.startswith("`")]
    assert line.startswith(
        "`OMP_NUM_THREADS=1 python benchmarks/digits.py --only 'a b' --jobs 1` - "
        "commit abc1234, "
    )
    assert line.endswith(", 3 seeds.")
    assert PROVENANCE.match(line)
    assert section.partition("## ")[2].rstrip() in capsys.readouterr().out


def test_table_is_kept_in_no_page_unless_asked(report, monkeypatch, tmp_path):
    monkeypatch.setattr("sys.argv", ["benchmarks/digits.py"])
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    report.report("Digits", ["x"], [["1"]], "3 seeds", None, page)
    assert page.read_text() == PAGE


def sections(page):
    """Return {heading: text} of a page."""
    parts = re.split(r"^## (.+)$", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_results_are_short():
    assert len(RESULTS.read_text(encoding="utf-8").splitlines()) <= 250


def test_every_table_of_results_says_where_it_comes_from():
    _, *tables = sections(RESULTS).items()
    assert len(tables) > 15
    for heading, text in tables:
        [script] = PROVENANCE.findall(text)
        source = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        assert heading in source, f"{script} does not write {heading!r}"


def test_links_of_results_lead_somewhere():
    text = RESULTS.read_text(encoding="utf-8")
    anchors = {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in sections(RESULTS)
    }
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    for link in links:
        found = link[1:] in anchors if link[0] == "#" else (RESULTS.parent / link)
        assert found is True or (found and found.exists()), link


def test_benchmarks_write_the_tables_that_stand_in_decisions():
    found = [
        (page.name, heading, *PROVENANCE.findall(text))
        for page in PAGES[1:]
        for heading, text in sections(page).items()
        if PROVENANCE.search(text)
    ]
    assert found
    for page, heading, script in found:
        source = (ROOT / "benchmarks" / script).read_text(encoding="utf-8")
        assert heading in source, f"{script} does not write {heading!r} of {page}"
        assert Path(page).stem in source, f"{script} does not name {page}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_saving_a_table_again_loses_no_text(page):
    for heading, text in sections(page).items():
        if PROVENANCE.search(text):
            line, table = text.strip().split("\n\n")
            assert PROVENANCE.fullmatch(line), heading
            assert all(row.startswith("| ") for row in table.split("\n")), heading


@pytest.fixture
def tables(monkeypatch):
    """Return the comparison on tables, whose every table is a small one with gaps."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("tables")
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [20, 10])
    frame = pd.DataFrame({"number": y + rng.normal(size=30), "letter": [*"aab" * 10]})
    frame.loc[0, "number"] = np.nan
    monkeypatch.setattr(module, "columns_and_classes", lambda name: (frame, y))
    return module


# Accuracies, then log losses, of two draws of the reference and of another method.
FITS = {
    ("A", 1): ((0.50, 0.60), (0.45, 0.55), (0.6, 0.6), (0.6, 0.6)),
    ("A", 5): ((0.80, 0.80), (0.70, 0.78), (0.4, 0.4), (1.4, 0.2)),
    ("B", 1): ((0.50, 0.50), (0.49, 0.49), (1.4, 1.4), (1.0, 2.0)),
    ("B", 5): ((0.50, 0.50), (0.60, 0.62), (1.0, 1.0), (0.9, 0.9)),
}


def lines_of_fits():
    """Return the lines of fits, of which A has two classes and B has four."""
    return pd.DataFrame(
        {
            "table": table,
            "n_labels": n_labels,
            "draw": draw,
            "method": method,
            "n_classes": {"A": 2, "B": 4}[table],
            "accuracy": figures[n][draw],
            "log_loss": figures[n + 2][draw],
            "calibration": 0.1 + 0.1 * n,
            "seconds": 1.0 + 2 * n,
        }
        for (table, n_labels), figures in FITS.items()
        for draw in range(2)
        for n, method in enumerate(("logistic regression", "kNN"))
    )


def test_summary_of_tables_worked_out_by_hand(tables):
    figures = tables.summary(lines_of_fits())
    # In points, kNN gains -5 and -1 with one label, -6 and 11 with five. The first is
    # below; -6 has a standard error of 4, and -1 is less than two points.
    expected = {
        "gain_1": (0, -3),
        "gain_5": (0, 2.5),
        "gain": (0, -0.25),
        "below": (0, 1),
        "rank": (1.25, 1.75),
        "no_higher_loss": (1, 0.5),
        "excess": (1.4 - np.log(4), 1.5 - np.log(4)),
        "loss": (0.85, 0.95),
        "calibration": (0.1, 0.2),
        "seconds": (1, 3),
    }
    assert set(figures) == set(expected)
    for name, values in expected.items():
        found = figures.loc[["logistic regression", "kNN"], name]
        assert_allclose(found, values, atol=1e-12, err_msg=name)


def test_only_complete_cells_of_tables_are_kept(tables):
    lines = lines_of_fits()
    tasks = [*lines[tables.KEY].itertuples(index=False, name=None)]
    lost = ("A", 5, 1, "kNN")
    lines = lines.drop(index=tasks.index(lost))
    assert tables.missing(tasks, lines) == [lost]
    kept = tables.complete(tasks, lines)
    assert set(zip(kept["table"], kept["n_labels"], strict=True)) == (
        set(FITS) - {("A", 5)}
    )
    # What is not asked for is left out, and leaves no cell incomplete.
    alone = [task for task in tasks if task[3] != "kNN"]
    assert len(tables.complete(alone, lines)) == 8


def test_scores_of_tables_agree_with_scikit_learn(tables):
    rng = np.random.default_rng(0)
    y, proba = rng.integers(3, size=50), rng.dirichlet(np.ones(3), size=50)
    found = tables.scores(y, proba.argmax(axis=1), proba)
    assert found["log_loss"] == pytest.approx(log_loss(y, proba))
    assert found["accuracy"] == np.mean(proba.argmax(axis=1) == y)


def test_scores_of_impossible_and_of_missing_probabilities(tables):
    proba = np.array([[0, 1], [np.nan, np.nan]], dtype=np.float32)
    found = tables.scores(np.array([0, 1]), np.array([1, 0]), proba)
    assert found["log_loss"] == pytest.approx((15 * np.log(10) + np.log(2)) / 2)


def test_labels_of_tables_are_as_many_as_there_are(tables):
    y = np.repeat([0, 1], [20, 3])
    few, more = (tables.hide_labels(y, n_labels, draw=0) for n_labels in (2, 5))
    assert_array_equal(np.bincount(few + 1), [19, 2, 2])
    assert_array_equal(np.bincount(more + 1), [15, 5, 3])
    assert_array_equal(more[few >= 0], few[few >= 0])


def test_columns_of_tables_are_learned_of_training_rows(tables):
    frame, y = tables.columns_and_classes("any")
    X, _, X_test, _ = tables.split("any", 0, most_rows=15)
    assert X.shape == (15, 3)
    assert_allclose(X.mean(axis=0), 0, atol=1e-6)
    assert_allclose(X.std(axis=0), 1, atol=1e-6)
    rows = np.arange(30)
    _, test = train_test_split(rows, test_size=0.3, stratify=y, random_state=0)
    frame.loc[test[0], ["number", "letter"]] = 1e6, "unknown"
    X_same, _, X_new, _ = tables.split("any", 0, most_rows=15)
    assert_array_equal(X_same, X)
    assert_array_equal(X_new[1:], X_test[1:])
    assert X_new[0, 0] > 1e5


def test_fits_to_tables_go_on_where_they_stopped(
    tables, report, monkeypatch, tmp_path, capsys
):
    path = tmp_path / "lines.jsonl"
    monkeypatch.setattr(tables, "report", report.report)
    command = ["tables.py", "--held-out", "--only-tables", "heart", "--draws", "2"]
    command += ["--budgets", "1", "5", "--only-methods", "kNN", "--jobs", "1"]
    command += ["--lines", str(path)]
    monkeypatch.setattr("sys.argv", command)
    tables.main()
    whole, printed = path.read_text(), capsys.readouterr().out
    lines = [json.loads(line) for line in whole.splitlines()]
    assert len({tuple(line[name] for name in tables.KEY) for line in lines}) == 8
    assert {line["draw"] for line in lines} == {1000, 1001}
    assert "2 draws of held-out rows, 2 of 2 cells complete" in printed

    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    monkeypatch.setattr(tables, "run", lambda *task: lines[-1])
    tables.main()
    assert path.read_text() == whole
    tables.forget(path, ["kNN"])
    kept = tables.read_lines(path)
    assert list(kept["method"]) == 4 * ["logistic regression"]


def test_settings_are_confirmed_on_tables_that_they_were_not_chosen_on(tables):
    assert len({*tables.CHOSEN_ON, *tables.CONFIRMED_ON}) == 18


def test_figures_over_draws_worked_out_by_hand(report):
    cells = report.mean_and_deviation([[1, 0.5], [3, 0.5]], (".1f", ".2f"))
    assert cells == ["2.0 (1.0)", "0.50 (0.00)"]


@pytest.fixture
def intervals(monkeypatch):
    """Return the benchmark of intervals, with a table of two quantities."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("intervals")
    rng = np.random.default_rng(0)
    X, y = 5 + 3 * rng.normal(size=(200, 4)), 10 * rng.normal(size=(200, 2))
    monkeypatch.setitem(module.DATA, "two", lambda draw: (X, y))
    return module


def test_quantities_are_known_on_a_share_of_the_training_rows(intervals):
    X, y, X_test, y_test = intervals.split("two", 0)
    assert (X.shape, X_test.shape) == ((140, 4), (60, 4))
    assert_array_equal(np.isnan(y).sum(axis=0), 2 * [140 - 42])
    assert_array_equal(np.isnan(y[:, 0]), np.isnan(y[:, 1]))
    assert not np.isnan(y_test).any()
    assert_allclose(X.mean(axis=0), 0, atol=1e-12)
    assert_allclose(X.std(axis=0), 1)
    all_rows, all_y = intervals.DATA["two"](0)
    train, test = train_test_split(np.arange(200), test_size=0.3, random_state=0)
    assert_array_equal(y_test, all_y[test])
    own = all_rows[train]
    assert_allclose(X_test, (all_rows[test] - own.mean(axis=0)) / own.std(axis=0))


def test_alcohol_is_no_column_of_the_wines(intervals):
    X, y = intervals.wine(0)
    assert X.shape == (178, 12)
    assert not np.isclose(X, y[:, None]).all(axis=0).any()


def test_figures_of_intervals_agree_with_those_of_a_gaussian(intervals):
    y = 3 * np.random.default_rng(0).normal(size=(20_000, 2))
    interval = tuple(np.full_like(y, side * 3 * 1.6448536) for side in (-1, 1))
    # The standard error of the share is 0.0015, that of a deviation half a hundredth.
    assert intervals.share_inside(interval, y) == pytest.approx(0.9, abs=0.005)
    assert intervals.mean_width(interval, y) == pytest.approx(2 * 1.645, rel=0.02)


def test_components_of_cells_do_not_tell_how_much_of_a_cell_was_read(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("cells")
    rng = np.random.default_rng(0)
    counts = csr_matrix(rng.poisson(2, size=(80, 60)).astype(np.float32))
    found = module.components(counts)
    assert_allclose(np.cov(found.T), np.diag(found.var(axis=0, ddof=1)), atol=1e-4)
    twice = csr_matrix(counts.multiply(rng.integers(1, 4, size=(80, 1))))
    assert_allclose(module.components(twice), found, atol=1e-4)


@pytest.fixture
def hivae(monkeypatch):
    """Return the reader of tables with gaps."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("hivae_tables")


def test_tables_with_gaps_are_read_with_their_masks(hivae, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(7, 3))  # 21 bits: the last byte is not full
    hidden, absent = rng.random((2, 7, 3)) < 0.4
    (tmp_path / "hivae").mkdir()
    np.savez(
        tmp_path / "hivae" / "small.npz",
        data=rows,
        kind=np.array(["real", "pos", "cat"]),
        n_values=np.array([0, 0, 2]),
        truly_missing=np.packbits(absent),
        missing_20_1=np.packbits(hidden),
    )
    monkeypatch.setattr(hivae, "DATA_FOLDER", tmp_path)
    table = hivae.read("small")
    assert table.kinds == ("real", "pos", "cat")
    assert list(table.masks) == ["missing_20_1"]
    gaps = table.with_gaps(table.masks["missing_20_1"])
    for row in range(7):
        for column in range(3):
            assert table.masks["missing_20_1"][row, column] == hidden[row, column]
            assert np.isnan(table.rows[row, column]) == absent[row, column]
            missing = hidden[row, column] or absent[row, column]
            assert np.isnan(gaps[row, column]) == missing
    assert_array_equal(table.rows[~absent], rows[~absent])


def test_some_rows_of_a_table_keep_their_masks(hivae):
    rows = np.arange(12.0).reshape(6, 2)
    table = hivae.HivaeTable(rows, ("real", "real"), None, {"a": rows % 3 == 0})
    assert table.some_rows(6, 0) is table
    some = table.some_rows(4, 0)
    assert some.rows.shape == (4, 2)
    assert set(some.rows[:, 0]) <= set(rows[:, 0])
    assert len(set(some.rows[:, 0])) == 4
    assert_array_equal(some.masks["a"], some.rows % 3 == 0)


def slow_error(rows, kinds, n_values, filled, hidden):
    """Return the mean error of columns, one entry after another."""
    errors = []
    for j, kind in enumerate(kinds):
        known = [x for x in rows[:, j] if x == x]
        losses = []
        for i in range(len(rows)):
            if hidden[i, j] and rows[i, j] == rows[i, j]:
                shift = abs(rows[i, j] - filled[i, j])
                losses.append({"cat": shift > 0, "ordinal": shift}.get(kind, shift**2))
        if losses:
            mean = sum(losses) / len(losses)
            scale = {"cat": 1, "ordinal": n_values[j]}.get(
                kind, max(known) - min(known)
            )
            errors.append((mean if kind in ("cat", "ordinal") else mean**0.5) / scale)
    return sum(errors) / len(errors)


def test_error_of_filled_entries_agrees_with_a_loop_over_them(hivae):
    rng = np.random.default_rng(0)
    kinds = ("real", "pos", "count", "cat", "ordinal", "real", "cat")
    n_values = np.array([0, 0, 0, 3, 5, 0, 2])
    rows, filled = rng.integers(0, 5, size=(2, 40, 7)).astype(float)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    hidden = rng.random(rows.shape) < 0.3
    hidden[:, 5] = False  # a column that nobody has to fill
    rows[hidden[:, 6], 6] = np.nan  # one whose hidden entries nobody knows
    table = hivae.HivaeTable(rows, kinds, n_values, {})
    found = hivae.mean_error(table, filled, hidden)
    assert found == pytest.approx(slow_error(rows, kinds, n_values, filled, hidden))
    assert_array_equal(
        np.isnan(hivae.column_errors(table, filled, hidden)), 5 * [False] + 2 * [True]
    )
    assert hivae.mean_error(table, np.nan_to_num(rows), hidden) == 0


@pytest.fixture
def imputers(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("imputers")


def mixed_rows(n_rows=60):
    """Return a number, a category that it decides, and an ordinal; no gaps."""
    number = np.random.default_rng(0).normal(size=n_rows)
    code = np.digitize(number, [-0.5, 0.5]) + 1.0
    return np.column_stack([number, code, np.clip(np.round(number), -1, 1)])


KINDS = ("real", "cat", "ordinal")


def test_rows_of_one_hot_columns_come_back_with_their_gaps(imputers):
    X = mixed_rows()
    one_hot = imputers.OneHot(X, KINDS)
    Z = one_hot.encode(X)
    assert_allclose(Z.mean(axis=0), 0, atol=1e-12)
    assert_allclose(Z.std(axis=0), 1)
    assert_allclose(one_hot.decode(Z), X, atol=1e-12)
    X[3, 1] = X[5, 0] = np.nan
    gaps = np.zeros((60, 5), dtype=bool)
    gaps[3, 1:4] = gaps[5, 0] = True
    assert_array_equal(np.isnan(one_hot.encode(X)), gaps)


def test_chain_by_column_fills_with_least_squares_on_the_others(imputers):
    rng = np.random.default_rng(0)
    Z = rng.normal(size=(50, 4))
    Z[:, 1:3] = Z[:, [0]] + 0.1 * rng.normal(size=(50, 2))
    gap = np.zeros(50, dtype=bool)
    gap[::5] = True
    blocks = [slice(0, 1), slice(1, 3), slice(3, 4)]
    with_gaps = Z.copy()
    with_gaps[gap, 1:3] = np.nan
    chain = imputers.ByColumn(LinearRegression(), blocks, n_rounds=2).fit(with_gaps)
    # Only one column has gaps: all rounds are one regression on the two other columns.
    others = np.column_stack([np.ones(50), Z[:, [0, 3]]])
    weights = np.linalg.lstsq(others[~gap], Z[~gap, 1:3], rcond=None)[0]
    filled = chain.transform(with_gaps)
    assert_allclose(filled[gap, 1:3], others[gap] @ weights)
    assert_array_equal(np.delete(filled, slice(1, 3), axis=1), Z[:, [0, 3]])


@pytest.mark.parametrize("method", ["mean or mode", "kNN", "trees by column"])
def test_imputers_keep_what_is_known_and_fill_legally(imputers, method):
    X = mixed_rows()
    gaps = np.random.default_rng(1).random(X.shape) < 0.2
    filled = imputers.fill(method, np.where(gaps, np.nan, X), KINDS, 0)
    assert_allclose(filled[~gaps], X[~gaps], atol=1e-12)
    assert set(filled[:, 1]) <= {1, 2, 3}
    assert set(filled[:, 2]) <= {-1, 0, 1}
    if method == "mean or mode":
        known, counts = np.unique(X[~gaps[:, 1], 1], return_counts=True)
        assert_array_equal(filled[gaps[:, 1], 1], known[counts.argmax()])
        assert_allclose(filled[gaps[:, 0], 0], X[~gaps[:, 0], 0].mean())


@pytest.fixture
def missing(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("missing")


@pytest.mark.parametrize("n_draws", [19, 99])
def test_draws_of_the_same_distribution_hold_nine_values_of_ten(missing, n_draws):
    values = np.random.default_rng(0).normal(size=(n_draws + 1, 20_000))
    # The standard error of a share is 0.002.
    inside, split = missing.shares_inside(values[0], values[1:], 0)
    assert inside == split == pytest.approx(0.9, abs=0.008)
    lowest, highest = np.quantile(values[1:], [0.05, 0.95], axis=0, method="weibull")
    expected = np.mean((lowest <= values[0]) & (values[0] <= highest))
    assert inside == pytest.approx(expected, abs=1e-3)
    # Ties: closed intervals hold more, and ranks drawn among equals do not.
    inside, split = missing.shares_inside(values[0].round(), values[1:].round(), 0)
    assert inside > 0.93
    assert split == pytest.approx(0.9, abs=0.008)


def test_what_is_held_out_is_nothing_that_is_scored_later(missing):
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 4))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    mask = rng.random(rows.shape) < 0.3
    table = load("hivae_tables").HivaeTable(
        rows, 4 * ("real",), None, {"missing_20_1": mask}
    )
    hidden, scored = missing.hidden_entries(table, 20, 0)
    assert_array_equal(hidden, mask)
    assert_array_equal(scored, mask)
    hidden, scored = missing.hidden_entries(table, 20, missing.HELD_OUT)
    assert_array_equal(hidden, mask | scored)
    assert not (scored & (mask | np.isnan(rows))).any()
    assert 0.05 < scored.sum() / (~mask & ~np.isnan(rows)).sum() < 0.15


def test_categories_that_no_training_row_has_are_missing(missing):
    frame = pd.DataFrame({"a": [1, 2, np.nan, 4], "b": ["u", None, "v", "w"]})
    X, kinds = missing.codes_of_frame(frame, [0, 1, 2])
    assert kinds == ("real", "cat")
    assert_array_equal(X, [[1, 0], [2, np.nan], [np.nan, 1], [4, np.nan]])


def test_fits_with_gaps_go_on_where_they_stopped(
    missing, report, monkeypatch, tmp_path, capsys
):
    path = tmp_path / "lines.jsonl"
    monkeypatch.setattr(missing, "report", report.report)
    rows = mixed_rows()
    table = missing.read.__globals__["HivaeTable"](
        rows,
        KINDS,
        np.array([0, 3, 3]),
        {
            f"missing_{s}_{k}": np.random.default_rng(k).random(rows.shape) < s / 100
            for s in (20, 50)
            for k in (1, 2)
        },
    )
    monkeypatch.setattr(missing, "read", lambda name: table)
    methods = ["mean or mode", "kNN"]
    command = [
        "missing.py",
        "--only",
        "errors",
        "--only-tables",
        "wine",
        "--draws",
        "2",
    ]
    command += ["--lines", str(path), "--only-methods", *methods]
    monkeypatch.setattr("sys.argv", command)
    missing.main()
    whole, printed = path.read_text(), capsys.readouterr().out
    lines = pd.DataFrame([json.loads(line) for line in whole.splitlines()])
    assert len(lines[missing.KEY].drop_duplicates()) == len(lines) == 8
    for method in methods:
        cells = [f"| {method}"]
        for setting in (20, 50):
            of_cell = (lines["method"] == method) & (lines["setting"] == setting)
            first, second = lines.loc[of_cell, "error"]
            mean, deviation = (first + second) / 2, abs(first - second) / 2
            cells.append(f"{mean:.3f} ({deviation:.3f})")
        assert " | ".join(cells) in printed

    path.write_text("".join(whole.splitlines(keepends=True)[:-1]))
    last = json.loads(whole.splitlines()[-1])
    monkeypatch.setattr(missing, "run", lambda *task: last)
    missing.main()
    assert path.read_text() == whole


def test_classifiers_learn_of_rows_with_gaps(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("classify_gaps")
    X = mixed_rows(300)
    y = (X[:, 0] > 0).astype(int)
    X[np.random.default_rng(2).random(X.shape) < 0.1] = np.nan
    partial = np.where(np.arange(300) < 200, y, -1)
    ours = set(module.OURS)
    for method in module.CLASSIFIERS:
        if method in ours:
            continue
        guess, proba = module.classify(method, X, partial, X[200:], KINDS, 0)
        assert_array_equal(guess, proba.argmax(axis=1))
        assert np.mean(guess == y[200:]) > 0.85, method


def test_samples_with_a_category_that_nobody_has_are_not_real(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = load("mixed_frames")
    frame = pd.DataFrame({"a": [0.0, 1.0], "b": ["u", None], "c": ["x", "y"]})
    samples = pd.DataFrame({"a": [9.0, 9.0], "b": ["u", "u"], "c": ["y", "z"]})
    assert list(module.real_categories(samples, frame)) == [True, False]
    codes = np.array([[0, 1, 0], [0.36, 0.64, 0], [1, 1, 0], [0, 0, 0]])
    assert list(module.is_one_hot(codes)) == [True, False, False, False]


@pytest.fixture
def generators(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("generators")


def labelled_frame(n_rows=200):
    """Return a frame of a number, whole numbers and a category, and classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=n_rows)
    frame = pd.DataFrame(
        {
            "size": y + rng.normal(size=n_rows),
            "count": rng.poisson(1 + y),
            "town": pd.Categorical(np.where(rng.random(n_rows) < 0.7, "Lyon", "Nice")),
        }
    )
    return frame, y


def test_columns_apart_keep_classes_and_lose_the_rest(generators):
    frame, y = labelled_frame(4000)
    frame["size"] = frame["count"] + 0.1 * frame["size"]
    rows, classes = generators.generate(generators.COLUMNS, frame, y, 0)
    assert_array_equal(classes, y)
    assert_array_equal(rows.dtypes, frame.dtypes)
    for value in (0, 1):
        real, drawn = (f.loc[y == value, ["size", "count"]] for f in (frame, rows))
        assert_allclose(drawn.mean(), real.mean(), atol=0.1)
        assert abs(drawn.corr().iloc[0, 1]) < 0.1 < real.corr().iloc[0, 1]


def test_rows_of_smote_lie_between_those_of_their_class(generators):
    pytest.importorskip("imblearn")
    frame, y = labelled_frame()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows, classes = generators.generate("SMOTE", frame, y, 0)
    assert_array_equal(rows.dtypes, frame.dtypes)
    assert_array_equal(np.bincount(classes), np.bincount(y))
    for value in (0, 1):
        real = frame.loc[y == value, "size"]
        assert rows.loc[classes == value, "size"].between(real.min(), real.max()).all()


@pytest.fixture
def generate(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("generate")


def test_margins_of_generated_rows_worked_out_by_hand(generate):
    real = pd.DataFrame({"size": [1, 2, 3, 4], "town": pd.Categorical([*"aabb"])})
    new = pd.DataFrame({"size": [3, 3, 3, 4], "town": pd.Categorical([*"aaac"])})
    assert generate.margins(real, real, "number") == {"size": 0}
    assert generate.margins(real, new, "number") == {"size": 0.5}
    assert generate.margins(real, new, "category") == {"town": 0.5}
    assert generate.mean_margin(real, new, "category") == 0.5
    assert generate.mean_margin(real[["town"]], new[["town"]], "number") is None
    assert generate.correlation_error(real, real) == 0


def test_rows_to_generate_from_are_complete_and_few(generate, monkeypatch):
    frame, y = labelled_frame(9000)
    monkeypatch.setattr(generate, "columns_and_classes", lambda name: (frame, y))
    X, y_train, X_test, y_test = generate.split("magic", 0)
    assert abs(len(X) - 4000) <= 1
    assert len(X) + len(X_test) == 5714
    assert y_train.mean() == pytest.approx(y.mean(), abs=1e-3)
    assert y_test.mean() == pytest.approx(y.mean(), abs=1e-3)
    merged = pd.concat([X, X_test]).merge(frame, on="size")
    assert len(merged) == 5714


@pytest.fixture
def styles(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return load("styles").styles


def test_styles_are_moments_of_images(styles):
    """A line that leans by two pixels a row leans twice as much as a diagonal."""
    images = np.zeros((4, 12, 12))
    for row in range(5):
        images[0, row, row] = 1
        images[1, row, 2 * row] = 1
        images[2, row + 6, row + 6] = 0.5  # paler, and elsewhere
        images[3, row, 5] = 1
    slant, thickness, size = styles(images.reshape(4, -1)).T
    assert_allclose(slant, [1, 2, 1, 0], atol=1e-6)
    assert_allclose(thickness, [5, 5, 2.5, 5])
    # rows lie at -2, ..., 2 from the middle: their mean square is 2
    assert_allclose(size**2, [2 + 2, 2 + 8, 2 + 2, 2], atol=1e-6)
