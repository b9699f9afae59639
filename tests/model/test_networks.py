"""Laws of the bodies: image layouts, the choice by shape, output shapes, errors in words."""

import pytest
import torch
from torch import nn

from topovae.errors import UsageError
from topovae.model.networks import (
    ACTIVATIONS,
    BODIES,
    ImageLayout,
    NetworkConfig,
    choose_network,
    count_parameters,
    dense,
    to_device,
)

# sample shape: the kind chosen, and the image (height, width, channels, channels last) that it holds
SHAPES = {
    (50,): ("mlp", None),
    (1,): ("mlp", None),
    (28, 28): ("conv", (28, 28, 1, False)),
    (30, 30): ("conv", (30, 30, 1, False)),
    (64, 64): ("conv", (64, 64, 1, False)),
    (3, 32, 32): ("conv", (32, 32, 3, False)),
    (17, 33, 3): ("conv", (17, 33, 3, True)),
    (16, 16): ("conv", (16, 16, 1, False)),
    (28, 28, 1): ("conv", (28, 28, 1, True)),
    (1, 28, 28): ("conv", (28, 28, 1, False)),
    (8, 8): ("mlp", (8, 8, 1, False)),
    (15, 40): ("mlp", (15, 40, 1, False)),
    (5, 6, 7): ("mlp", None),
    (2, 3, 4, 5): ("mlp", None),
}
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: "x".join(map(str, shape)))


@each_shape
def test_layout_and_choice(shape):
    kind, layout = SHAPES[shape]
    found = ImageLayout.of(shape)
    assert (found and (found.height, found.width, found.channels, found.channels_last)) == layout
    assert choose_network(shape).kind == kind
    assert choose_network(shape, "mlp").kind == "mlp"


@each_shape
@pytest.mark.parametrize("kind", ["auto", "mlp"])
def test_bodies_have_the_right_shapes_and_finite_gradients(shape, kind):
    torch.manual_seed(0)
    config = choose_network(shape, kind)
    make_encoder, make_decoder = BODIES[config.kind]
    encoder, decoder = make_encoder(config, shape, 7), make_decoder(config, shape, 5)
    for n in (1, 3):
        encoded, decoded = encoder(torch.randn(n, *shape)), decoder(torch.randn(n, 5))
        assert encoded.shape == (n, 7) and decoded.shape == (n, *shape)
    (encoded.sum() + decoded.sum()).backward()
    gradients = [p.grad for p in (*encoder.parameters(), *decoder.parameters())]
    assert all(g is not None and torch.isfinite(g).all() for g in gradients)
    assert count_parameters(encoder) == sum(p.numel() for p in encoder.parameters()) > 0


@each_shape
def test_planes_round_trip(shape):
    layout = ImageLayout.of(shape)
    if layout is not None:
        x = torch.randn(2, *shape)
        planes = layout.to_planes(x)
        assert planes.shape == (2, layout.channels, layout.height, layout.width)
        assert torch.equal(layout.from_planes(planes, shape), x)


@each_shape
def test_every_pixel_matters_to_the_encoder_and_every_feature_to_the_decoder(shape):
    torch.manual_seed(0)
    config = choose_network(shape)
    make_encoder, make_decoder = BODIES[config.kind]
    x = torch.randn(1, *shape, requires_grad=True)
    (gradient,) = torch.autograd.grad(make_encoder(config, shape, 3)(x).square().sum(), x)
    assert (gradient != 0).all()
    features = torch.randn(1, 3, requires_grad=True)
    decoded = make_decoder(config, shape, 3)(features)
    (gradient,) = torch.autograd.grad(decoded.square().sum(), features)
    assert (gradient != 0).all()


@pytest.mark.parametrize("kind", BODIES)
def test_configurations_round_trip(kind):
    config = NetworkConfig(kind, (64, 32), (8, 16))
    assert NetworkConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize(("shape", "kind"), [((7,), "mlp"), ((16, 16), "conv")])
def test_widths_of_the_decoder_and_activations_are_those_asked_for(shape, kind):
    config = choose_network(shape, kind, (40, 20), (30, 50, 60), "tanh")
    assert NetworkConfig.from_dict(config.to_dict()) == config
    encoder, decoder = (make(config, shape, 3) for make in BODIES[kind])
    widths = [[m.out_features for m in body.layers if isinstance(m, nn.Linear)] for body in (encoder, decoder)]
    assert widths[0] == [40, 20, 3] and widths[1][:-1] == [30, 50, 60]
    kinds = {type(m) for body in (encoder, decoder) for m in body.modules() if isinstance(m, (nn.SiLU, nn.Tanh))}
    assert kinds == {nn.Tanh}
    plain = BODIES[kind][1](choose_network(shape, kind, (40, 20)), shape, 3)
    assert [m.out_features for m in plain.layers if isinstance(m, nn.Linear)][:-1] == [20, 40]


def test_networks_of_earlier_files_have_the_widths_and_the_activation_of_then():
    old = {"kind": "mlp", "hidden": [64, 32], "channels": [32, 64]}
    assert NetworkConfig.from_dict(old) == NetworkConfig("mlp", (64, 32)) and NetworkConfig("mlp").activation == "silu"
    assert NetworkConfig.from_dict(old).frequency == 0


def share_beyond(decoder, periods=4):
    """The share of what the first layer makes of a circle that has more than some periods a turn."""
    angle = torch.arange(256) * (2 * torch.pi / 256)
    with torch.no_grad():
        power = torch.fft.rfft(decoder.layers[:2](torch.stack([angle.cos(), angle.sin()], 1)), dim=0).abs().square()[1:].sum(1)
    return float(power[periods:].sum() / power.sum())


@pytest.mark.parametrize("shape", [(50,), (8, 8), (16, 16), (28, 28, 3)])
@pytest.mark.parametrize("periodic", [True, False])
def test_decoders_of_images_start_with_quick_harmonics_of_circles_alone(shape, periodic):
    torch.manual_seed(0)
    config = choose_network(shape)
    found = share_beyond(BODIES[config.kind][1](config, shape, 2, periodic))
    assert found > 0.3 if config.kind == "conv" and periodic else found < 0.1


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_bend_and_have_gradients(activation):
    layers = dense([2, 5, 1], activation)
    x = torch.randn(64, 2, requires_grad=True, generator=torch.Generator().manual_seed(0))
    (gradient,) = torch.autograd.grad(layers(x).sum(), x)
    assert torch.isfinite(gradient).all() and gradient.std(0).min() > 0


@pytest.mark.parametrize(
    ("shape", "kind", "words"), [((8, 8), "conv", "16 x 16"), ((50,), "conv", "mlp"), ((50,), "gru", "gru")]
)
def test_impossible_networks_are_refused_in_words(shape, kind, words):
    with pytest.raises(UsageError, match=words):
        choose_network(shape, kind)


def test_devices():
    assert to_device("cpu").type == "cpu"
    assert to_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(UsageError, match="tpu"):
        to_device("tpu")
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="CUDA"):
            to_device("cuda")
