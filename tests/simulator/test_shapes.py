import numpy as np
import pytest

from simulator.shapes import PROFILES, inject


def counts(n_series: int = 200) -> np.ndarray:
    return np.full((n_series, 40), 10)


@pytest.mark.parametrize("shape", PROFILES)
def test_the_trouble_is_where_it_was_put_and_of_its_size(shape: str) -> None:
    size = 0.5 if shape == "drop" else 20.0
    changed = inject(np.random.default_rng(1), counts(), shape, first=10, n_days=14, size=size)
    extra = (changed - counts()).mean(axis=0)
    assert (extra[:10] == 0).all()
    assert (extra[24:] == 0).all()
    expected = -5.0 * np.ones(14) if shape == "drop" else 20.0 * PROFILES[shape](14)
    np.testing.assert_allclose(extra[10:24], expected, atol=1.2)
    assert (changed >= 0).all()


def test_profiles_have_their_form() -> None:
    assert PROFILES["spike"](5).tolist() == [1, 0, 0, 0, 0]
    assert int(np.argmax(PROFILES["lognormal"](10))) == 1
    assert (np.diff(PROFILES["ramp"](10)) > 0).all()
    assert (PROFILES["drift"](10) <= PROFILES["ramp"](10)).all()


def test_a_cluster_leaves_the_other_rows_alone() -> None:
    changed = inject(np.random.default_rng(1), counts(3), "step", first=0, n_days=5, size=np.array([0.0, 9.0, 9.0]))
    np.testing.assert_array_equal(changed[0], counts(3)[0])
    assert (changed[1:, :5].sum(axis=1) > 50).all()


def test_what_does_not_fit_is_refused() -> None:
    rng = np.random.default_rng(1)
    with pytest.raises(ValueError, match="spike, lognormal"):
        inject(rng, counts(), "hump", first=0, n_days=5, size=1.0)
    with pytest.raises(ValueError, match="do not fit"):
        inject(rng, counts(), "step", first=38, n_days=5, size=1.0)
