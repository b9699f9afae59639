"""`topovae bench train`: it times every way of the same training, whose curves agree."""

from __future__ import annotations

import pytest
import torch

from topovae.benchmarks.limits import Ceilings, Work, ceilings, update_of, work_of
from topovae.benchmarks.training import PLAIN, measure_throughput


@pytest.mark.slow
def test_every_way_is_timed_and_learns_the_same() -> None:
    shares: list[float] = []
    rates = measure_throughput(
        models=2, epochs=1, repeats=2, batch_size=512, device="cpu", progress=lambda name, share: shares.append(share)
    )
    names = [PLAIN, "one model", "ensemble of 2", "one model, compiled", "ensemble of 2, compiled"]
    assert [(rate.name, rate.models) for rate in rates] == [(name, 2 if "2" in name else 1) for name in names]
    assert rates[0].ratio == 1.0 and rates[0].curve_difference == 0.0
    for rate in rates:
        assert rate.curve_difference < 1e-4 and rate.peak_bytes > 2**20
        assert rate.steps_per_second > 0 and rate.ratio > 0 and 0 < rate.limit < 2
        assert rate.seconds_to_loss is not None and rate.seconds_to_loss > 0
        assert 100 < rate.samples_per_second / rate.steps_per_second <= 512
    assert len(shares) == 3 * len(rates) and shares == sorted(shares) and max(shares) < 1


def test_the_work_of_a_product_is_counted() -> None:
    a, b = torch.ones(3, 5, requires_grad=True), torch.ones(5, 7)
    forward = work_of(lambda: (a @ b).sum().detach_())
    assert forward == Work(2 * 3 * 5 * 7, 4 * (15 + 35 + 21))
    both = work_of(lambda: (a @ b).sum().backward())
    assert both.operations == 2 * forward.operations
    assert update_of(10) == Work(0, 320)


def test_the_limit_is_the_longer_of_arithmetic_and_traffic() -> None:
    found = Ceilings(operations=100, bytes=10)
    assert found.seconds(Work(200, 10)) == 2 and found.seconds(Work(1, 50)) == 5
    assert found.seconds(Work(200, 10) + Work(0, 40)) == 5


def test_ceilings_are_of_a_processor() -> None:
    found = ceilings(torch.device("cpu"), size=128, repeats=3)
    assert 1e8 < found.operations < 1e14 and 1e8 < found.bytes < 1e13
