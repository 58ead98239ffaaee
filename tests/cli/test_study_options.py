"""The options of a study."""

import pytest

import skfmvae
from skfmvae.cli import main
from skfmvae.cli.arguments import make_parser
from skfmvae.cli.errors import InputError


def test_help_has_the_estimators(capsys):
    with pytest.raises(SystemExit):
        main(["study", "--help"])
    page = capsys.readouterr().out
    assert "FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE" in " ".join(page.split())


REQUIRED = "study d --target y --budgets 1 --estimators SVC --out o".split()


def test_help_states_the_defaults(capsys):
    options = vars(make_parser().parse_args(REQUIRED))
    assert options["scoring"] == ["accuracy"]
    with pytest.raises(SystemExit):
        make_parser().parse_args(["study", "--help"])
    page = capsys.readouterr().out
    for name in ("scoring", "cv", "repeats", "strategy", "seed", "jobs"):
        described = page.partition(f"\n  --{name} ")[2].partition("\n  --")[0]
        default = " ".join(described.split()).partition("(default: ")[2]
        stated = options[name][0] if name == "scoring" else options[name]
        assert default.startswith(f"{stated})"), name


def test_the_pool_and_ours_are_compared_where_no_estimator_is_named():
    options = make_parser().parse_args("study d --target y --budgets 1 --out o".split())
    assert options.estimators == ["PartialLabelStacking", *skfmvae.__all__]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--cv 1", "argument --cv: '1' should be a whole number of at least 2."),
        ("--seed 4294967296", "from 0 to 4294967295"),
        ("--jobs 0", "'0' fits at a time is none"),
        ("--target-score nan", "'nan' should be a number."),
        ("--drop a,,b", "has an empty name"),
        ("--drop a,a", "names 'a' twice"),
        ("--strat balanced", "unrecognized arguments: --strat"),
    ],
)
def test_errors_name_the_option_and_the_help(option, message):
    with pytest.raises(InputError) as error:
        make_parser().parse_args([*REQUIRED, *option.split()])
    assert message in str(error.value)
    assert " --help)" in str(error.value)
