"""Filters of convolutional networks, trained on MNIST: weights that a prior over weights can be fitted to."""

from __future__ import annotations

import numpy as np

from topovae.data.dataset import Dataset
from topovae.reproduction.sources import idx_file

SIZE, WIDTH, CLASSES = 7, 32, 10
"""Pixels along each side of a filter, filters of a network, and classes: the sizes of the task, not tuned."""

IMAGES, EPOCHS, BATCH, LEARNING_RATE, DECAY = 2000, 4, 64, 3e-3, 1e-4
"""Training of each network, as little as shows edges and lines by eye; not tuned."""

SMALL = 0.1
"""Of the usual weights to begin with: what is learned is seen beside them then, by eye; not tuned."""


def trained_filters(seed: int, n: int, folder: str | None) -> Dataset:
    """7 x 7 filters of small networks that tell digits apart, in units of their common standard deviation.

    Each network has 32 filters with stride 3, ReLU, the largest of 2 x 2 and a linear layer. They train side by side on the
    same images, from weights and in orders of `seed`; some filters of each stay as they began.

    Args:
        seed: of the images, weights and orders.
        n: filters.
        folder: of MNIST's files.

    Raises:
        InputError: the images are missing.
    """
    import torch
    from torch.nn.functional import conv2d, cross_entropy, max_pool2d, relu

    from topovae.data.readers.find import read
    from topovae.data.synthetic.labels import read_labels

    images, labels = read(idx_file(folder, "train", "images-idx3")), read_labels(idx_file(folder, "train", "labels-idx1"))
    rows = np.sort(np.random.default_rng(seed).permutation(images.n_samples)[:IMAGES])
    x = torch.as_tensor(images.rows(rows).astype(np.float32) / 255).unsqueeze(1)
    y = torch.as_tensor(labels[rows])
    nets = -(-n // WIDTH)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        filters = (SMALL * torch.randn(nets * WIDTH, 1, SIZE, SIZE) / SIZE).requires_grad_()
        parts = 16 * WIDTH  # 4 x 4 places that are left of 28 x 28
        head, bias = (torch.randn(nets, parts, CLASSES) * (2 / parts) ** 0.5).requires_grad_(), torch.zeros(nets, 1, CLASSES)
        optimizer = torch.optim.Adam([filters, head, bias.requires_grad_()], lr=LEARNING_RATE, weight_decay=DECAY)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(x)).split(BATCH):
                seen = max_pool2d(relu(conv2d(x[batch], filters, stride=3)), 2).reshape(len(batch), nets, parts)
                logits = seen.transpose(0, 1) @ head + bias
                loss = nets * cross_entropy(logits.flatten(0, 1), y[batch].repeat(nets))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
    found = filters.detach()[:n, 0].numpy()
    return Dataset.of(found / found.std())
