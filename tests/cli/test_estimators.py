"""Classifiers by the names of their classes."""

import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils import all_estimators

import skfmvae
from skfmvae.cli.errors import InputError
from skfmvae.cli.estimators import make_estimators
from skfmvae.columns import ColumnVectorizer
from skfmvae.ensemble import PartialLabelStacking


def test_our_estimators_take_the_table_as_it_is():
    made = make_estimators(skfmvae.__all__)
    assert list(made) == skfmvae.__all__
    for name, estimator in made.items():
        assert type(estimator) is getattr(skfmvae, name)
        assert estimator.likelihood == "auto"


def test_the_pool_can_be_named():
    (pool,) = make_estimators(["PartialLabelStacking"]).values()
    assert type(pool) is PartialLabelStacking


def test_those_of_scikit_learn_have_their_defaults_after_complete_numbers():
    (pipeline,) = make_estimators(["RandomForestClassifier"]).values()
    vectorizer, forest = pipeline
    assert vectorizer.get_params() == ColumnVectorizer().get_params()
    assert type(forest) is RandomForestClassifier
    assert forest.get_params() == RandomForestClassifier().get_params()


# Classifiers that cannot be made, or not fitted, without arguments.
META = {"ClassifierChain", "FixedThresholdClassifier", "MultiOutputClassifier"}
META |= {"OneVsOneClassifier", "OneVsRestClassifier", "OutputCodeClassifier"}
META |= {"SelfTrainingClassifier", "StackingClassifier", "VotingClassifier"}
META |= {"TunedThresholdClassifierCV"}


@pytest.mark.filterwarnings("ignore:.*deprecated:FutureWarning")
def test_all_other_classifiers_can_be_named():
    classes = dict(all_estimators("classifier"))
    assert classes.keys() > META
    names = classes.keys() - META
    made = make_estimators(names)
    types = {name: type(pipeline[-1]) for name, pipeline in made.items()}
    assert types == {name: classes[name] for name in names}


@pytest.mark.parametrize("name", sorted(META))
def test_classifiers_that_need_arguments_are_refused(name):
    with pytest.raises(InputError, match=f"--estimators: {name} needs estimator"):
        make_estimators([name])


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("labelspreading", "did you mean LabelSpreading"),
        ("FactorialMixture", "did you mean FactorialMixtureVAE"),
        ("zzz", "name a class of this package or a classifier of scikit-learn's."),
    ],
)
def test_unknown_names_have_a_remedy(name, remedy):
    with pytest.raises(InputError, match=f"there is no '{name}'; {remedy}"):
        make_estimators([name])
