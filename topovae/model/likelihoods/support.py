"""Whether data can have a likelihood at all."""

from __future__ import annotations

import math

import numpy as np
import torch

from topovae.data.dataset import Dataset
from topovae.errors import UsageError
from topovae.model.likelihoods import LIKELIHOODS


def check_support(likelihood: str, data: Dataset) -> None:
    """Read all samples, where a likelihood is not for any numbers, and see whether it is for these.

    Args:
        likelihood: a key of `LIKELIHOODS`.
        data: all samples.

    Raises:
        UsageError: some numbers can have no probability; the first is named.
    """
    kind = LIKELIHOODS[likelihood]
    if not kind.support:
        return
    wrong, first = 0, ""
    for rows, block in data.chunks():
        flat = block.reshape(len(block), -1)
        allowed = kind.allows(torch.as_tensor(flat.copy())).numpy()
        if not (wrong or allowed.all()):
            row, column = np.argwhere(~allowed)[0]
            first = f"row {rows.start + row}, column {column} is {flat[row, column]:.9g} (counted from 0)"
        wrong += math.prod(allowed.shape) - int(np.count_nonzero(allowed))
    if wrong:
        raise UsageError(
            f"--likelihood {likelihood} needs {kind.support}, and {wrong} of the {data.n_samples * data.n_features} numbers "
            f"of {data.place} are none: {first}; {kind.advice}, or use --likelihood gaussian"
        )


def suits(likelihood: str, data: Dataset) -> bool:
    """Whether all samples have a probability under a likelihood; as `check_support`."""
    try:
        check_support(likelihood, data)
    except UsageError:
        return False
    return True
