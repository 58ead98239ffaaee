"""Settings that SemafoVAE alone takes."""

import pytest

from skfmvae import FactorialMixtureVAE, SemafoVAE, SemiSupervisedVAE
from skfmvae.estimators import LabelAutoencoder, Levels, SemafoObjective
from skfmvae.training import Objective


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"objective": SemafoObjective(gamma_u=-1.0)}, "'gamma_u'.*-1.0"),
        ({"objective": SemafoObjective(labelled_phase=1.0)}, "'labelled_phase'.*1.0"),
        (
            {"objective": SemafoObjective(transitive_phase=1.0)},
            "'transitive_phase'.*1.0",
        ),
        ({"objective": SemafoObjective(transitive_end=-1.0)}, "'transitive_end'.*-1.0"),
        ({"levels": Levels(n_dims=0)}, "'n_dims'.*0"),
        (
            {"label_autoencoder": LabelAutoencoder(temperature=0.0)},
            "'temperature'.*0.0",
        ),
        (
            {"label_autoencoder": LabelAutoencoder(hidden=(8, 0))},
            r"hidden=\(8, 0\).*positive",
        ),
        ({"label_autoencoder": LabelAutoencoder(prior_hidden=8)}, "prior_hidden"),
        (
            {"label_autoencoder": LabelAutoencoder(separate="shape")},
            "'separate'.*'shape'",
        ),
        ({"latent_dim": 0}, "'latent_dim'.*0"),
    ],
)
def test_settings_that_are_not_allowed(two_properties, settings, message):
    X, _, y = two_properties
    with pytest.raises(ValueError, match=message):
        SemafoVAE(max_epochs=1, **settings).fit(X, y)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"objective__gamma_u": 1.0}, {"objective": SemafoObjective(gamma_u=1.0)}),
        (
            {"label_autoencoder__separate": True},
            {"label_autoencoder": LabelAutoencoder(separate=True)},
        ),
    ],
)
def test_settings_are_reached_where_none_are_given(params, expected):
    estimator = SemafoVAE().set_params(**params)
    for name, settings in expected.items():
        assert repr(getattr(estimator, name)) == repr(settings)


@pytest.mark.parametrize(
    ("Estimator", "objective", "message"),
    [
        (FactorialMixtureVAE, SemafoObjective(), r"\.Objective'.*SemafoObjective\(\)"),
        (SemiSupervisedVAE, SemafoObjective(), r"\.Objective'.*SemafoObjective\(\)"),
        (SemafoVAE, Objective(), r"\.SemafoObjective'.* Objective\(\)"),
    ],
)
def test_the_objective_of_another_estimator_is_refused(
    two_properties, Estimator, objective, message
):
    """Its own weights would have no effect, or be missing."""
    X, _, y = two_properties
    with pytest.raises(
        ValueError, match=f"'objective'.*{Estimator.__name__}.*{message}"
    ):
        Estimator(max_epochs=1, objective=objective).fit(X, y)


@pytest.mark.parametrize("progress", [0.0, 0.1, 0.4, 1.0])
def test_divergences_warm_up_as_those_of_the_other_estimators(progress):
    settings = {"kl_warmup": 0.4, "kl_start": 2.0}
    ours, theirs = SemafoObjective(**settings), Objective(**settings)
    assert ours.kl_weight(progress) == theirs.kl_weight(progress)
