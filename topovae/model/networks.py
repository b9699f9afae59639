"""Encoder and decoder bodies, chosen by the shape of a sample."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor, nn

from topovae.data.images import CHANNEL_COUNTS, channel_axis
from topovae.errors import UsageError
from topovae.store.documents import Document

_SMALLEST_IMAGE = 16

SHARPNESS = 4.0
"""Weights of a decoder's first layer, in torch's usual ones. Features of latent spaces have size 1, and with the usual weights
a net learns the slow variation of data with them long before the quick one. Set by
`python tests/benchmarks/convergence.py --sharpness 1,2,4,8`."""

FREQUENCY = 6.0
"""Standard deviation of the weights of the first layer of a decoder that makes images of circles alone; it puts out sines, and
this is about the harmonics that it begins with. A pixel at the edge of something that turns is bright for a few degrees, and
other activations learn high harmonics last. Where styles lie along lines beside, sines fit them too quickly: new exemplars are
decoded worse (4320 pictures of sample_data/rotated_digits.h5, `S1xR2`, 20 epochs: by 187 nats). Set by
`python tests/benchmarks/mixtures.py digits --frequencies 0,6,12 --seeds 0 --epochs 84`.

References:
    Sitzmann et al., Implicit Neural Representations with Periodic Activation Functions (2020), section 3.2, there 30.
    Tancik et al., Fourier Features Let Networks Learn High Frequency Functions in Low Dimensional Domains (2020).
"""


@dataclass(frozen=True)
class NetworkConfig(Document):
    """What a pair of bodies is built from.

    Args:
        kind: "mlp" or "conv".
        hidden: widths of the encoder's dense layers; the decoder has them in reverse.
        channels: channels of the encoder's convolutions of stride 2 ("conv" only).
        decoder_hidden: widths of the decoder's dense layers, where they are not those of the encoder in reverse.
        activation: a key of `ACTIVATIONS`.
        frequency: standard deviation of the weights of the decoder's first layer where it reads circles alone and puts out
            sines; 0 where it has the activation of the others all the same.
    """

    kind: str
    hidden: tuple[int, ...] = (128, 128)
    channels: tuple[int, ...] = (32, 64)
    decoder_hidden: tuple[int, ...] = ()
    activation: str = "silu"
    frequency: float = 0.0

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Widths of the decoder's dense layers."""
        return self.decoder_hidden or self.hidden[::-1]

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of the dense layers of both."""
        return (*self.hidden, *self.decoder_widths)

    @classmethod
    def from_dict(cls, fields: dict) -> NetworkConfig:
        """The inverse of `to_dict`."""
        # files of earlier versions have none of the last three
        decoder, activation = tuple(fields.get("decoder_hidden", ())), fields.get("activation", "silu")
        sizes = tuple(fields["hidden"]), tuple(fields["channels"])
        return cls(fields["kind"], *sizes, decoder, activation, fields.get("frequency", 0.0))


@dataclass(frozen=True)
class ImageLayout:
    """How samples of shape (h, w), (h, w, c) or (c, h, w) hold an image."""

    height: int
    width: int
    channels: int
    channels_last: bool

    @classmethod
    def of(cls, sample_shape: Sequence[int]) -> ImageLayout | None:
        """The layout of a sample shape, or None where it is no image."""
        axis = channel_axis(sample_shape)
        match tuple(sample_shape):
            case (h, w):
                return cls(h, w, 1, False)
            case (h, w, c) if axis == 2 and c in CHANNEL_COUNTS:
                return cls(h, w, c, True)
            case (c, h, w) if axis == 0:
                return cls(h, w, c, False)
        return None

    def to_planes(self, x: Tensor) -> Tensor:
        """(B, *sample_shape) to (B, c, h, w)."""
        if self.channels_last:
            return x.movedim(-1, 1)
        return x.reshape(len(x), self.channels, self.height, self.width)

    def from_planes(self, planes: Tensor, sample_shape: Sequence[int]) -> Tensor:
        """(B, c, h, w) to (B, *sample_shape)."""
        return planes.movedim(1, -1) if self.channels_last else planes.reshape(len(planes), *sample_shape)


def choose_network(
    sample_shape: Sequence[int],
    kind: str = "auto",
    hidden: Sequence[int] = (),
    decoder_hidden: Sequence[int] = (),
    activation: str = "silu",
) -> NetworkConfig:
    """Bodies for samples of a shape: convolutions for images of at least 16 x 16, dense layers for the rest.

    Args:
        sample_shape: of one sample.
        kind: "auto", or a key of `BODIES`.
        hidden: widths of the encoder's dense layers; chosen by the size of a sample when left out.
        decoder_hidden: those of the decoder; the encoder's in reverse when left out.
        activation: a key of `ACTIVATIONS`.

    Raises:
        UsageError: `kind` is unknown, or "conv" is asked for samples that are no images.
    """
    layout = ImageLayout.of(sample_shape)
    large = layout is not None and min(layout.height, layout.width) >= _SMALLEST_IMAGE
    if kind == "auto":
        kind = "conv" if large else "mlp"
    if kind == "conv" and not large:
        raise UsageError(
            f"--network conv needs images of at least {_SMALLEST_IMAGE} x {_SMALLEST_IMAGE}, and a sample here has "
            f"shape {tuple(sample_shape)}; use --network mlp"
        )
    if kind not in BODIES:
        raise UsageError(f"unknown network {kind!r}; one of auto, {', '.join(BODIES)}")
    if kind == "conv":
        assert layout is not None
        depth = max(2, min(3, int(math.log2(min(layout.height, layout.width) / 4))))
        chosen = NetworkConfig("conv", hidden=tuple(hidden) or (128,), channels=(16, 32, 64)[:depth], frequency=FREQUENCY)
        return replace(chosen, decoder_hidden=tuple(decoder_hidden), activation=activation)
    width = 128 if math.prod(sample_shape) <= 256 else 256
    chosen = NetworkConfig("mlp", hidden=tuple(hidden) or (width, 128))
    return replace(chosen, decoder_hidden=tuple(decoder_hidden), activation=activation)


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "silu": nn.SiLU,
    "relu": nn.ReLU,
    "leaky-relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
"""What stands between layers."""


def dense(sizes: Sequence[int], activation: str = "silu") -> nn.Sequential:
    """Linear layers with an activation between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(sizes):
        layers += [nn.Linear(a, b), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


class Sine(nn.Module):
    """The sine of each entry, as an activation."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sin(x)


def first_sharp(sizes: Sequence[int], config: NetworkConfig, periodic: bool) -> nn.Sequential:
    """`dense` layers of a decoder, whose first has `SHARPNESS`, or puts out sines where what it reads is periodic."""
    layers = dense(sizes, config.activation)
    first: nn.Linear = layers[0]  # type: ignore[assignment]
    with torch.no_grad():
        if config.frequency and periodic:
            layers[1] = Sine()
            first.weight.normal_(std=config.frequency)
            first.bias.uniform_(-math.pi, math.pi)
        else:
            for parameter in first.parameters():
                parameter.mul_(SHARPNESS)
    return layers


class DenseEncoder(nn.Module):
    """Dense layers from a flattened sample (B, *sample_shape) to (B, out_dim)."""

    def __init__(self, config: NetworkConfig, sample_shape: Sequence[int], out_dim: int) -> None:
        super().__init__()
        self.layers = dense([math.prod(sample_shape), *config.hidden, out_dim], config.activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1))


class DenseDecoder(nn.Module):
    """Dense layers from features (B, in_dim), `periodic` where circles alone make them, to a sample (B, *sample_shape)."""

    def __init__(self, config: NetworkConfig, sample_shape: Sequence[int], in_dim: int, periodic: bool = False) -> None:
        super().__init__()
        self.sample_shape = tuple(sample_shape)
        self.layers = first_sharp([in_dim, *config.decoder_widths, math.prod(sample_shape)], config, periodic)

    def forward(self, features: Tensor) -> Tensor:
        return self.layers(features).reshape(len(features), *self.sample_shape)


def _pyramid(config: NetworkConfig, layout: ImageLayout) -> tuple[int, int]:
    """Height and width of the smallest feature maps."""
    shrink = 2 ** len(config.channels)
    return math.ceil(layout.height / shrink), math.ceil(layout.width / shrink)


class ConvEncoder(nn.Module):
    """Convolutions of stride 2, then dense layers, from an image (B, *sample_shape) to (B, out_dim)."""

    def __init__(self, config: NetworkConfig, sample_shape: Sequence[int], out_dim: int) -> None:
        super().__init__()
        self.layout = _image_layout(sample_shape)
        h, w = _pyramid(config, self.layout)
        shrink = 2 ** len(config.channels)
        self.padding = (0, w * shrink - self.layout.width, 0, h * shrink - self.layout.height)
        layers: list[nn.Module] = []
        for a, b in zip((self.layout.channels, *config.channels[:-1]), config.channels, strict=True):
            layers += [nn.Conv2d(a, b, 4, stride=2, padding=1), ACTIVATIONS[config.activation]()]
        self.convolutions = _convolutions(layers)
        self.layers = dense([config.channels[-1] * h * w, *config.hidden, out_dim], config.activation)

    def forward(self, x: Tensor) -> Tensor:
        planes = nn.functional.pad(self.layout.to_planes(x), self.padding)
        return self.layers(self.convolutions(planes).flatten(1))


class ConvDecoder(nn.Module):
    """Dense layers, then transposed convolutions of stride 2, from features (B, in_dim) to (B, *sample_shape)."""

    def __init__(self, config: NetworkConfig, sample_shape: Sequence[int], in_dim: int, periodic: bool = False) -> None:
        super().__init__()
        self.sample_shape, self.layout = tuple(sample_shape), _image_layout(sample_shape)
        self.smallest = (config.channels[-1], *_pyramid(config, self.layout))
        self.layers = first_sharp([in_dim, *config.decoder_widths, math.prod(self.smallest)], config, periodic)
        layers: list[nn.Module] = []
        for a, b in zip(config.channels[::-1], (*config.channels[-2::-1], self.layout.channels), strict=True):
            layers += [ACTIVATIONS[config.activation](), nn.ConvTranspose2d(a, b, 4, stride=2, padding=1)]
        self.convolutions = _convolutions(layers)

    def forward(self, features: Tensor) -> Tensor:
        planes = self.convolutions(self.layers(features).reshape(len(features), *self.smallest))
        planes = planes[..., : self.layout.height, : self.layout.width]
        return self.layout.from_planes(planes, self.sample_shape)


def _convolutions(layers: Sequence[nn.Module]) -> nn.Sequential:
    """Layers one after the other, with weights in the order of memory that a processor's convolutions are quickest in."""
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _image_layout(sample_shape: Sequence[int]) -> ImageLayout:
    layout = ImageLayout.of(sample_shape)
    if layout is None:
        raise UsageError(f"samples of shape {tuple(sample_shape)} are no images")
    return layout


Body = Callable[..., nn.Module]

BODIES: dict[str, tuple[Body, Body]] = {"mlp": (DenseEncoder, DenseDecoder), "conv": (ConvEncoder, ConvDecoder)}
"""Encoder and decoder constructors by kind."""


def count_parameters(module: nn.Module) -> int:
    """Number of trained numbers."""
    return sum(p.numel() for p in module.parameters())


def to_device(device: str) -> torch.device:
    """The device that "auto", "cpu" or "cuda" means here.

    Raises:
        UsageError: CUDA is asked for and not there.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UsageError("--device cuda: this PyTorch finds no CUDA device; use --device cpu, or install a CUDA build of torch")
    if device.split(":")[0] not in {"cpu", "cuda"}:
        raise UsageError(f"--device {device}: expected auto, cpu or cuda")
    return torch.device(device)
