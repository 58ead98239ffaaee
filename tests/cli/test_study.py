"""Studies, from files to files."""

import warnings
from html import unescape

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import LabelSpreading

from skfmvae.cli import main
from skfmvae.cli.figure import draw
from skfmvae.model_selection import label_efficiency_curve

TIMES = ["fit_time", "score_time"]


FILES = {"results.csv", "curve.png", "curve.svg", "report.html", "cache"}


BOTH = "LogisticRegression,LabelSpreading"


def results_in(folder):
    return pd.read_csv(folder / "results.csv").drop(columns=TIMES)


def direct(blobs, **more):
    """The same study without the command line."""
    y = blobs["kind"].fillna(-1).astype(int).to_numpy()
    estimators = {
        "LogisticRegression": make_pipeline(StandardScaler(), LogisticRegression()),
        "LabelSpreading": make_pipeline(StandardScaler(), LabelSpreading()),
    }
    settings = {"budgets": [10, 40], "cv": 3, "random_state": 0, **more}
    results = label_efficiency_curve(estimators, blobs[[*"abcd"]], y, **settings)
    return results.drop(columns=TIMES)


def test_the_study_is_that_of_python(blobs, csv, tmp_path, study):
    study(csv, tmp_path, estimators=BOTH)
    pd.testing.assert_frame_equal(results_in(tmp_path), direct(blobs))
    assert {path.name for path in tmp_path.iterdir()} == FILES


def test_options_are_passed_on(blobs, csv, tmp_path, study):
    options = "--repeats 2 --strategy balanced --seed 7 --scoring accuracy,f1_macro"
    study(csv, tmp_path, *options.split(), estimators=BOTH)
    expected = direct(
        blobs,
        n_repeats=2,
        strategy="balanced",
        random_state=7,
        scoring=["accuracy", "f1_macro"],
    )
    pd.testing.assert_frame_equal(results_in(tmp_path), expected)


def test_groups_are_passed_on_and_are_no_feature(blobs, tmp_path, study):
    groups = np.arange(120) // 6
    blobs.assign(batch=groups).to_csv(tmp_path / "data.csv", index=False)
    study(tmp_path / "data.csv", tmp_path, "--groups", "batch", estimators=BOTH)
    pd.testing.assert_frame_equal(results_in(tmp_path), direct(blobs, groups=groups))


def test_all_formats_give_the_same(blobs, csv, tmp_path, study):
    pytest.importorskip("pyarrow")
    blobs.to_parquet(tmp_path / "data.parquet")
    blobs.to_csv(tmp_path / "data.tsv", index=False, sep="\t")
    blobs.to_csv(tmp_path / "data.csv.gz", index=False)
    kind = blobs["kind"].fillna(-1).astype(int).to_numpy()
    # The features as one array, and another that is left out.
    rows = blobs[[*"abcd"]].to_numpy()
    np.savez(tmp_path / "data.npz", x=rows, kind=kind, note=np.array(["u", "v"]))
    study(csv, tmp_path / "csv")
    for name in ("data.parquet", "data.tsv", "data.csv.gz", "data.npz"):
        out = tmp_path / name.replace(".", "_")
        printed = study(tmp_path / name, out)
        assert ("'note'" in printed.err) == name.endswith("npz")
        pd.testing.assert_frame_equal(results_in(out), results_in(tmp_path / "csv"))


def test_blanks_and_minus_one_are_unlabelled(blobs, csv, tmp_path, study):
    study(csv, tmp_path / "blank")
    words = blobs["kind"].map({0: "low", 1: "mid", 2: "top"})
    marked = {
        "minus_one": blobs["kind"].fillna(-1).astype(int),
        "words": words,
        "spaces": words.fillna("  "),
        "both": words.fillna("-1"),
    }
    for name, kind in marked.items():
        blobs.assign(kind=kind).to_csv(tmp_path / f"{name}.csv", index=False)
        study(tmp_path / f"{name}.csv", tmp_path / name)
        found = results_in(tmp_path / name)
        pd.testing.assert_frame_equal(found, results_in(tmp_path / "blank"))


@pytest.mark.parametrize("classes", [[-1, -2, -3], [-1, -2, 3]])
@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_one_warning_says_that_minus_one_is_no_class(
    blobs, tmp_path, study, classes, suffix
):
    kind = np.array(classes)[np.arange(120) % 3]
    path = tmp_path / f"data.{suffix}"
    if suffix == "csv":
        blobs.assign(kind=kind).to_csv(path, index=False)
    else:
        # As text, of which the estimators cannot warn.
        np.savez(path, x=blobs[[*"abcd"]].to_numpy(), kind=kind.astype(str))
    (note,) = study(path, tmp_path).err.splitlines()
    assert "'kind'" in note
    assert "-1" in note
    assert "if -1 is a class" in note or "if it is a class" in note
    page = unescape((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert note.partition("warning: ")[2].partition(" (")[0] in page


def test_one_warning_says_that_numbers_may_be_a_quantity(blobs, tmp_path, study):
    ages = 20 + np.arange(120) % 55
    blobs.assign(kind=ages).to_csv(tmp_path / "data.csv", index=False)
    quantity, *others = study(tmp_path / "data.csv", tmp_path).err.splitlines()
    assert "'kind'" in quantity
    assert "55 classes on 120 labelled rows" in quantity
    assert "quantity" not in "".join(others)


def test_several_targets_with_our_estimator(blobs, tmp_path, study):
    shade = pd.Series(np.where(blobs["a"] > 1, "dark", "light"))
    shade = shade.where(np.arange(120) % 4 > 0)
    blobs.assign(shade=shade).to_csv(tmp_path / "data.csv", index=False)
    printed = study(
        tmp_path / "data.csv",
        tmp_path,
        *("--budgets", "30", "--cv", "2", "--target-score", "0.3"),
        target="kind,shade",
        estimators="FactorialMixtureVAE,GaussianNB",
    )
    results = results_in(tmp_path)
    assert (results["n_labels_shade"] == 30).all()
    both = results[["test_score_kind", "test_score_shade"]].mean(axis=1)
    np.testing.assert_allclose(results["test_score"], both)
    assert both.min() > 0.3
    assert "30 or fewer" in printed.out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "accuracy of shade" in page
    assert "(0: " in page, "labels are whole numbers"


def test_text_is_a_feature(blobs, tmp_path, study):
    # Only the word is informative, where it is present.
    word = np.array(["x", "y", "z"])[np.arange(120) % 3]
    table = pd.DataFrame({"word": word, "noise": blobs["a"], "kind": blobs["kind"]})
    table["noise"] = np.random.default_rng(1).permutation(table["noise"])
    table["word"] = table["word"].where(np.arange(120) % 20 > 0)
    table.to_csv(tmp_path / "data.csv", index=False)
    study(tmp_path / "data.csv", tmp_path)
    assert results_in(tmp_path).query("budget == 40")["test_score"].min() > 0.85


def test_a_study_continues_and_is_the_same(csv, tmp_path, study):
    study(csv, tmp_path, estimators=BOTH)
    first = results_in(tmp_path)
    cached = sorted((tmp_path / "cache").iterdir())
    assert len(cached) == 12
    # As after an interrupt: some fits are done; files are missing or old.
    for path in cached[::2]:
        path.unlink()
    (tmp_path / "results.csv").write_text("old")
    (tmp_path / "curve.png").unlink()
    (tmp_path / "mine.txt").write_text("stays")
    study(csv, tmp_path, estimators=BOTH)
    pd.testing.assert_frame_equal(results_in(tmp_path), first)
    assert {path.name for path in tmp_path.iterdir()} == FILES | {"mine.txt"}
    # With all fits cached, times are the same, too, and so is every byte.
    names = sorted(FILES - {"cache"})
    before = [(tmp_path / name).read_bytes() for name in names]
    study(csv, tmp_path, estimators=BOTH)
    assert [(tmp_path / name).read_bytes() for name in names] == before


def test_the_cache_may_be_elsewhere(csv, tmp_path, study):
    study(csv, tmp_path / "out", "--cache", tmp_path / "elsewhere")
    assert not (tmp_path / "out" / "cache").exists()
    assert len(list((tmp_path / "elsewhere").iterdir())) == 6


def test_failed_fits_are_reported_once(csv, tmp_path, study):
    estimators = "LogisticRegression,MultinomialNB"
    printed = study(csv, tmp_path, "--target-score", "0.5", estimators=estimators)
    assert printed.err.count("'MultinomialNB' failed") == 1
    assert "(6 times)" in printed.err
    assert "unknown (all fits failed)" in printed.out
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Negative values in data" in page
    assert "Traceback" not in page + printed.err


OPTIONS = "--target kind --budgets 9 --cv 2 --estimators GaussianNB --out".split()


def test_progress_is_shown_before_the_first_fit_ends(
    monkeypatch, csv, tmp_path, capsys
):
    shown = []
    fit = GaussianNB.fit

    def watched(self, *args, **kwargs):
        shown.append(capsys.readouterr().err)
        return fit(self, *args, **kwargs)

    monkeypatch.setattr(GaussianNB, "fit", watched)
    assert main(["study", str(csv), *OPTIONS, str(tmp_path)]) == 0
    assert "blobs.csv: 120 rows, 4 features\n" in shown[0]
    assert "\nlabels of kind: 8" in shown[0]
    assert "0/2" in shown[0]


@pytest.mark.parametrize("failing", ["GaussianNB", f"GaussianNB,{BOTH}"])
def test_a_metric_that_fails_leaves_the_others(
    monkeypatch, csv, tmp_path, study, failing
):
    def without_losses(*args, **kwargs):
        results = label_efficiency_curve(*args, **kwargs)
        failed = results["estimator"].isin(failing.split(","))
        results.loc[failed, "test_neg_log_loss"] = np.nan
        warnings.warn("neg_log_loss failed: no probabilities", stacklevel=1)
        return results

    monkeypatch.setattr("skfmvae.cli.study.label_efficiency_curve", without_losses)
    options = ["--scoring", "neg_log_loss,accuracy", "--target-score", "-2"]
    printed = study(csv, tmp_path, *options, estimators=f"{BOTH},GaussianNB")
    losses, accuracies = printed.out.split("mean accuracy")
    assert losses.count("failed") == 2 * len(failing.split(","))
    scores, _, needed = accuracies.partition("labels for")
    assert "failed" not in scores
    assert needed.count("unknown (all scores failed)") == len(failing.split(","))
    assert "warning: neg_log_loss failed: no probabilities" in printed.err
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "neg_log_loss failed: no probabilities" in page


def test_warnings_of_the_figure_are_printed(monkeypatch, csv, tmp_path, study):
    def without_letters(*args, **kwargs):
        warnings.warn("a font lacks letters", stacklevel=1)
        return draw(*args, **kwargs)

    monkeypatch.setattr("skfmvae.cli.files.draw", without_letters)
    printed = study(csv, tmp_path)
    assert printed.err == "skfmvae: warning: a font lacks letters\n"
