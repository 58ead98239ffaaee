import pytest

from skfmvae.columns.text import check_text, why_no_categories


def test_few_rows_may_all_differ():
    check_text("a", map(str, range(10)))


@pytest.mark.parametrize(("n_values", "n_entries"), [(91, 100), (1001, 2002)])
def test_text_of_many_values_is_refused(n_values, n_entries):
    texts = [f"text {i % n_values}" for i in range(n_entries)]
    with pytest.raises(
        ValueError, match=rf"'a' holds {n_values} .* {n_entries} .*'text 0'.*TfidfVec"
    ):
        check_text("a", texts)
    check_text("a", [f"text {i % (n_values - 1)}" for i in range(n_entries)])


@pytest.mark.parametrize("date", ["2024-05-01", "1.5.2024", "5/1/24 10:30"])
def test_dates_as_text_are_refused(date):
    with pytest.raises(ValueError, match=rf"'a' holds dates .*{date}.*to_datetime"):
        check_text("a", [date] * 10 + ["unknown"])
    check_text("a", [date] * 9 + ["unknown"])


def test_few_rows_of_a_table_may_all_differ():
    check_text("a", map(str, range(300)), few_rows=True)
    assert why_no_categories(map(str, range(300))).startswith("holds 300 different")
    with pytest.raises(ValueError, match="1001 different texts in 1001 entries"):
        check_text("a", map(str, range(1001)), few_rows=True)
