import threading

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, Dirichlet, Normal
from torch.utils.checkpoint import checkpoint

from skfmvae._utils.distributed import Share, shared
from skfmvae._utils.random import (
    draw_normal,
    draw_states,
    draws_apart,
    forked_draws,
    generator_for,
    redirect_modules,
    redirected_draws,
    repeatable_draws,
    restore_draws,
    seeded_draws,
)
from skfmvae.nn.layers import Dropout

X = torch.linspace(-2, 2, 48).reshape(6, 8)
CPU = torch.device("cpu")

DRAWS = {
    "rand": lambda: torch.rand(5),
    "randn": lambda: torch.randn(5),
    "randn_out": lambda: torch.randn(5, out=torch.empty(5)),
    "randint": lambda: torch.randint(7, (5,)),
    "randint_low": lambda: torch.randint(2, 7, (5,)),
    "randperm": lambda: torch.randperm(9),
    "rand_like": lambda: torch.rand_like(X),
    "randn_like": lambda: torch.randn_like(X),
    "randint_like": lambda: torch.randint_like(X, 3),
    "randint_like_low": lambda: torch.randint_like(X, 2, 7, dtype=torch.int64),
    "normal": lambda: torch.normal(X, X.exp()),
    "bernoulli": lambda: torch.bernoulli(X.sigmoid()),
    "poisson": lambda: torch.poisson(X.exp()),
    "multinomial": lambda: X.exp().multinomial(3),
    "exponential": lambda: X.clone().exponential_(),
    "gamma": lambda: torch._standard_gamma(X.exp()),
    "rsample": lambda: Normal(X, 1.0).rsample(),
    "categorical": lambda: Categorical(logits=X).sample(),
    "dirichlet": lambda: Dirichlet(X.exp()).sample(),
    "linear": lambda: nn.Linear(4, 3).weight.detach(),
    "convolution": lambda: nn.Conv2d(1, 2, 3).weight.detach(),
    "orthogonal": lambda: nn.init.orthogonal_(torch.empty(4, 4)),
    "dropout": lambda: nn.Dropout(0.3)(X),
    "alpha_dropout": lambda: nn.AlphaDropout(0.3)(X),
    "rrelu": lambda: nn.RReLU()(X),
    "gumbel": lambda: nn.functional.gumbel_softmax(X),
}


@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)
def test_redirected_draws_are_those_of_torch_with_the_seed(draw):
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        expected = draw(), draw()
    before = torch.get_rng_state()
    with seeded_draws(3), redirected_draws():
        found = draw(), draw()
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_an_operation_without_a_generator_borrows_torchs():
    """As those of graphics cards do."""
    library = torch.library.Library("skfmvae_tests", "DEF")
    library.define(
        "draw(Tensor x) -> Tensor", tags=(torch.Tag.nondeterministic_seeded,)
    )
    library.impl("draw", lambda x: torch.randn(x.shape), "CompositeExplicitAutograd")
    without = torch.ops.skfmvae_tests.draw
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        expected = torch.randn(X.shape), torch.randn(X.shape)
    before = torch.get_rng_state()
    with seeded_draws(3), redirected_draws():
        found = without(X), without(X)
    assert torch.equal(torch.get_rng_state(), before)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


def test_a_generator_that_is_given_is_kept():
    given = torch.Generator().manual_seed(5)
    with seeded_draws(3), redirected_draws():
        found = torch.randn(4, generator=given)
        gamma = torch._standard_gamma(X.exp(), given)
    given.manual_seed(5)
    assert torch.equal(found, torch.randn(4, generator=given))
    assert torch.equal(gamma, torch._standard_gamma(X.exp(), given))


def test_meta_tensors_need_no_draws():
    with seeded_draws(3), redirected_draws():
        assert nn.Linear(3, 2, device="meta").weight.is_meta


def test_threads_have_blocks_of_their_own():
    found = []
    with seeded_draws(0):
        thread = threading.Thread(target=lambda: found.append(generator_for(CPU)))
        thread.start()
        thread.join()
        assert generator_for(CPU).initial_seed() == 0
        with seeded_draws(1):
            assert generator_for(CPU).initial_seed() == 1
        assert generator_for(CPU).initial_seed() == 0
    assert found == [None]
    assert generator_for(CPU) is None


def test_draws_from_normals_are_torchs_with_their_gradients():
    def results(draw):
        # Halves of one tensor, as networks give them.
        output = torch.cat([X, X.exp()], dim=1).requires_grad_()
        mean, scale = output.chunk(2, dim=1)
        value = draw(Normal(mean, scale))
        value.square().sum().backward()
        return value, output.grad

    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        expected = results(Normal.rsample)
    with seeded_draws(3):
        found = results(draw_normal)
    for one, other in zip(found, expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_is_torchs(dtype):
    rows = X.to(dtype)
    with torch.random.fork_rng([]):
        torch.manual_seed(3)
        expected = nn.Dropout(0.3)(rows)
    with seeded_draws(3):
        assert torch.equal(Dropout(0.3)(rows), expected)
    assert torch.equal(Dropout(0.3).eval()(rows), rows)
    assert torch.equal(Dropout(0.0)(rows), rows)


def test_forks_leave_no_trace():
    with seeded_draws(3):
        expected = torch.rand(4, generator=generator_for(CPU))
    with seeded_draws(3):
        with forked_draws():
            ahead = torch.rand(4, generator=generator_for(CPU))
        found = torch.rand(4, generator=generator_for(CPU))
    assert torch.equal(ahead, expected)
    assert torch.equal(found, expected)
    before = torch.get_rng_state()
    with forked_draws(), redirected_draws():
        ahead = torch.rand(4)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(torch.rand(4), ahead)


def test_draws_go_on_from_a_state_that_was_kept():
    with seeded_draws(3):
        torch.rand(4, generator=generator_for(CPU))
        states = draw_states()
        expected = torch.rand(4, generator=generator_for(CPU))
    with seeded_draws(3):
        restore_draws(states)
        assert torch.equal(torch.rand(4, generator=generator_for(CPU)), expected)
    before = torch.get_rng_state()
    assert draw_states() == {}  # torch's own generators are the caller's
    restore_draws(states)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("is_seeded", [True, False])
def test_what_is_computed_again_draws_the_same(is_seeded):
    """The gradient of dropout, decoded twice, is that of the rows that it kept."""
    layer = nn.Sequential(Dropout(0.5), nn.Tanh())
    rows = X.clone().requires_grad_()

    def run():
        first, second = (
            checkpoint(layer, rows, use_reentrant=False, **repeatable_draws())
            for _ in range(2)
        )
        for output in (first, second):
            rows.grad = None
            output.sum().backward()
            assert torch.equal(rows.grad != 0, output != 0)
        assert not torch.equal(first, second)
        return generator_for(CPU)

    if is_seeded:
        with seeded_draws(3):
            generator = run()
            ahead = torch.rand(1, generator=generator)
        # Computing again has not moved the generator.
        with seeded_draws(3):
            layer(X), layer(X)
            assert torch.equal(torch.rand(1, generator=generator_for(CPU)), ahead)
    else:
        run()


def test_modules_of_users_are_redirected_while_training():
    class Noise(nn.Module):
        def forward(self, x):
            return x + torch.randn_like(x)

    class Fails(nn.Module):
        def forward(self, x):
            raise KeyError

    model = nn.Sequential(nn.Linear(8, 8), Noise(), nn.Dropout(0.5))
    redirect_modules(model)
    before = torch.get_rng_state()
    with seeded_draws(3):
        first = model(X)
    with seeded_draws(3):
        assert torch.equal(model(X), first)
    assert torch.equal(torch.get_rng_state(), before)
    with seeded_draws(3):
        model.eval()(X)
    assert not torch.equal(torch.get_rng_state(), before), "predicting is as ever"

    redirect_modules(fails := Fails())
    with seeded_draws(3):
        with pytest.raises(KeyError):
            fails(X)
        before = torch.get_rng_state()
        torch.rand(1)
        assert not torch.equal(torch.get_rng_state(), before), "still redirected"


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
# Deprecated since torch 2.14, but users have such networks.
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:FutureWarning")
def test_scripted_modules_are_redirected_too():
    model = nn.Sequential(torch.jit.script(nn.Sequential(nn.Dropout(0.5), nn.Tanh())))
    redirect_modules(model)
    before = torch.get_rng_state()
    with seeded_draws(3):
        first = model(X)
    with seeded_draws(3):
        assert torch.equal(model(X), first)
    assert torch.equal(torch.get_rng_state(), before)
    assert (first == 0).any()


def test_processes_that_share_a_batch_take_their_rows_of_one_draw(on_two_processes):
    """What draws apart does not move the common generators."""
    normal = Normal(X, torch.ones_like(X))

    def draw():
        share = Share.of_batch(len(X))
        own = Normal(share.of(X), share.of(normal.stddev))
        dropout = Dropout(0.5)
        with seeded_draws(0), shared(share):
            first, kept = draw_normal(own), dropout(torch.ones(40))
            with draws_apart():
                torch.empty(3).normal_(generator=generator_for(CPU))
            return share, first, kept, draw_normal(own)

    with seeded_draws(0):
        expected = [draw_normal(normal), draw_normal(normal)]
    (share, first, kept, second), (*_, other_kept, _) = on_two_processes(draw)
    assert torch.equal(first, share.of(expected[0]))
    assert torch.equal(second, share.of(expected[1]))
    assert not torch.equal(kept, other_kept)


def test_checkpoints_repeat_draws_of_a_share(on_two_processes):
    x = torch.ones(4, 8, requires_grad=True)

    def gradient():
        dropout = Dropout(0.5)

        def thinned(x):
            return dropout(x)

        with seeded_draws(0), shared(Share.of_batch(8)):
            y = checkpoint(thinned, x, use_reentrant=False, **repeatable_draws())
            return y.detach(), *torch.autograd.grad(y.sum(), x)

    for y, slope in on_two_processes(gradient):
        assert torch.equal(y, slope)
