"""`topovae bench train`: it times every way of the same training, whose curves agree."""

from __future__ import annotations

from topovae.benchmarks.training import PLAIN, measure


def test_every_way_is_timed_and_learns_the_same() -> None:
    shares: list[float] = []
    rates = measure(
        models=2, epochs=1, repeats=2, batch_size=512, device="cpu", progress=lambda name, share: shares.append(share)
    )
    assert [(rate.name, rate.models) for rate in rates] == [(PLAIN, 1), ("one model", 1), ("ensemble of 2", 2)]
    assert rates[0].ratio == 1.0 and rates[0].curve_difference == 0.0
    for rate in rates:
        assert rate.curve_difference < 1e-4 and rate.peak_bytes > 2**20
        assert rate.steps_per_second > 0 and rate.ratio > 0
        assert 100 < rate.samples_per_second / rate.steps_per_second <= 512
    assert len(shares) == 9 and shares == sorted(shares) and max(shares) < 1
