import numpy as np
import pytest
import scipy.sparse
import torch

from skfmvae._utils.random import seeded_draws
from skfmvae.training import BatchIterator, Rows


def make_rows(n=203, labelled=((0, 12), (5, 9)), **kwargs):
    """Rows that hold their own number, each property labelled in one range."""
    codes = np.full((n, len(labelled)), -1)
    for k, (start, stop) in enumerate(labelled):
        codes[start:stop, k] = np.arange(stop - start) % 3
    X = np.arange(2 * n, dtype=np.float32).reshape(n, 2)
    return Rows(X, codes, **kwargs)


def test_dense_rows_share_memory_with_the_array():
    X = np.zeros((5, 3), dtype=np.float32)
    rows = Rows(X, np.full((5, 1), -1))
    X[2, 1] = 7
    assert rows[torch.tensor([2])].x[0, 1] == 7


def test_read_only_memory_maps_are_read_in_place(tmp_path, recwarn):
    X = np.random.default_rng(0).random((9, 3), dtype=np.float32)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    rows = Rows(mapped, np.full((9, 1), -1))
    assert rows.x.data_ptr() == mapped.ctypes.data
    assert not recwarn.list


def test_sparse_rows_come_out_as_dense_ones():
    X = scipy.sparse.random(30, 7, 0.3, "csr", np.float32, random_state=0)
    rows = Rows(X, np.full((30, 1), -1))
    index = torch.tensor([4, 0, 4, 29])
    np.testing.assert_array_equal(rows[index].x, X.toarray()[index])


def test_chosen_rows_are_numbered_anew_and_share_memory():
    rows = make_rows(sample_weight=np.arange(203.0))
    chosen = rows.choose(torch.tensor([7, 0, 102]))
    assert len(chosen) == 3
    batch = chosen[torch.tensor([2, 0])]
    assert batch.x[:, 0].tolist() == [204.0, 14.0]
    assert batch.weight.tolist() == [102.0, 7.0]
    assert batch.labels.codes.tolist() == rows.codes[[102, 7]].tolist()
    assert batch.number.tolist() == [2, 0]
    assert chosen.x.data_ptr() == rows.x.data_ptr()


@pytest.mark.parametrize("batch_size", [1, 7, 64, 500])
def test_an_epoch_visits_every_row_once(batch_size):
    rows = make_rows(labelled=((0, 0),))
    iterator = BatchIterator(rows, batch_size, shuffle=True)
    batches = [batch.number for batch in iterator]
    assert len(batches) == len(iterator)
    assert sorted(torch.cat(batches).tolist()) == list(range(len(rows)))
    sizes = {len(batch) for batch in batches}
    assert max(sizes) - min(sizes) <= 1


def test_a_batch_holds_what_its_index_says():
    rows = make_rows(sample_weight=np.arange(203.0))
    for batch in BatchIterator(rows, 50, labelled_batch_size=10, shuffle=True):
        np.testing.assert_array_equal(batch.x[:, 0], 2 * batch.number)
        np.testing.assert_array_equal(batch.labels.codes, rows.codes[batch.number])


def test_each_property_gets_its_share_of_labelled_rows():
    rows = make_rows(labelled=((0, 12), (100, 104), (0, 0)))
    iterator = BatchIterator(rows, 20, labelled_batch_size=10)
    # Batches of 20 rows hold 1.2 and 0.4 labelled ones by themselves; 5 are wanted.
    assert iterator.n_extra == 4 + 5
    for batch in iterator:
        drawn = batch.labels.codes[-iterator.n_extra :]
        assert (drawn[:4, 0] >= 0).all()
        assert (drawn[4:, 1] >= 0).all()


def test_nothing_is_added_where_labels_abound():
    rows = make_rows(labelled=((0, 203),))
    assert BatchIterator(rows, 20, labelled_batch_size=10).n_extra == 0


@pytest.mark.parametrize("weighted", [False, True])
def test_weights_undo_the_oversampling(weighted):
    """Averaged over epochs, weighted means over batches are means over the data."""
    torch.manual_seed(0)
    n = 203
    sample_weight = np.random.default_rng(0).random(n) if weighted else np.ones(n)
    sample_weight /= sample_weight.mean()
    rows = make_rows(n, sample_weight=sample_weight)
    iterator = BatchIterator(rows, 20, labelled_batch_size=10, shuffle=True)
    visits = torch.zeros(n)
    total = torch.zeros(n)
    n_epochs = 3000
    for _ in range(n_epochs):
        for batch in iterator:
            share = batch.weight / len(batch.weight) / len(iterator)
            total.index_add_(0, batch.number, share)
            visits.index_add_(0, batch.number, torch.ones(len(batch.number)))
    expected = sample_weight / n
    # Labelled rows are visited 5 to 17 times an epoch: the spread of a mean is small.
    np.testing.assert_allclose(total / n_epochs, expected, rtol=0.02, atol=1e-9)
    assert visits[20:].max() == n_epochs
    assert visits[:12].min() > 4 * n_epochs


# Quantities ---------------------------------------------------------------------------


def make_rows_with_quantities(n=100):
    """Rows of which ten have a label, and ten others a quantity in two columns."""
    codes = np.full((n, 1), -1)
    codes[:10] = 1
    quantities = np.full((n, 2), np.nan, dtype=np.float32)
    quantities[20:30] = np.arange(20).reshape(10, 2)
    return Rows(np.zeros((n, 3), dtype=np.float32), codes, quantities=quantities)


def test_quantities_come_with_their_rows():
    rows = make_rows_with_quantities()
    batch = rows.choose(torch.arange(15, 30))[torch.tensor([0, 6])]
    assert batch.labels.codes.tolist() == [[-1], [-1]]
    assert batch.labels.quantities[0].isnan().all()
    assert batch.labels.quantities[1].tolist() == [2.0, 3.0]


def test_rows_with_a_quantity_have_their_share_of_a_batch():
    """Once for all of its columns, beside the rows with a label."""
    rows = make_rows_with_quantities()
    iterator = BatchIterator(rows, 20, labelled_batch_size=10)
    # A batch of 20 rows holds two of either by itself; five are wanted.
    assert iterator.n_extra == 3 + 3
    for batch in iterator:
        drawn = batch.labels
        assert (drawn.codes[-6:-3, 0] == 1).all()
        assert not drawn.quantities[-3:].isnan().any()


def test_properties_known_on_the_same_rows_share_them():
    codes = np.full((100, 2), -1)
    codes[:10] = 1
    rows = Rows(np.zeros((100, 3), dtype=np.float32), codes)
    assert BatchIterator(rows, 20, labelled_batch_size=10).n_extra == 8


def test_rows_without_labels_are_the_same_rows():
    X = np.arange(6, dtype=np.float32).reshape(3, 2)
    quantities = np.array([[1.0], [np.nan], [2.0]], dtype=np.float32)
    rows = Rows(X, np.array([[0], [1], [-1]]), [1.0, 2.0, 0.0], quantities=quantities)
    bare = rows.without_labels()
    assert not bare.known().any()
    assert rows.known().sum() == 4
    batch = bare[torch.arange(3)]
    np.testing.assert_array_equal(batch.x, X)
    assert batch.weight.tolist() == [1.0, 2.0, 0.0]


def test_some_of_chosen_rows_are_those_of_the_whole():
    X = np.arange(20, dtype=np.float32).reshape(10, 2)
    rows = Rows(X, np.arange(10)[:, None])
    twice = rows.choose(torch.tensor([8, 3, 5])).choose(torch.tensor([2, 0]))
    np.testing.assert_array_equal(twice.values(), X[[5, 8]])
    batch = twice[torch.tensor([1, 0])]
    np.testing.assert_array_equal(batch.x, X[[8, 5]])
    np.testing.assert_array_equal(batch.labels.codes[:, 0], [8, 5])


def test_processes_part_the_batches_of_one(on_two_processes):
    """Each has the rows that its share names, with the weights that they have."""
    X = np.arange(22, dtype=np.float32)[:, None]
    codes = np.where(np.arange(22) < 3, 0, -1)[:, None]

    def batches():
        with seeded_draws(0):
            rows = Rows(X, codes)
            return list(BatchIterator(rows, 7, labelled_batch_size=4, shuffle=True))

    one = batches()
    assert all(batch.share is None for batch in one)
    for parts in on_two_processes(batches):
        for part, batch in zip(parts, one, strict=True):
            assert part.share.total == len(batch.x)
            for name in ("x", "weight", "number"):
                of_all = getattr(batch, name)
                assert torch.equal(getattr(part, name), part.share.of(of_all))


def test_a_batch_of_fewer_rows_than_processes_is_refused(on_two_processes):
    rows = Rows(np.zeros((1, 2), dtype=np.float32), np.full((1, 1), -1))
    with pytest.raises(ValueError, match="batches of 1 of 1 rows, too few for each"):
        on_two_processes(lambda: BatchIterator(rows, 7))
