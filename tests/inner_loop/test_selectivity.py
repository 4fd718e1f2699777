import math

import numpy as np
import pytest
import torch

from inner_loop.selectivity import direction_index, vector_index

ANGLES = torch.arange(8).double() * (math.pi / 4)


def test_by_hand():
    preferred, null = torch.tensor([3.0, 1.0, 2.0, 2.0]), torch.tensor([1.0, 3.0, 0.0, 2.0])
    assert direction_index(preferred, null).tolist() == [0.5, -0.5, 1.0, 0.0]
    one_way, both_ways = torch.zeros(2, 8).double()
    one_way[3] = both_ways[1] = both_ways[5] = 2.0
    assert vector_index(one_way, ANGLES, 1).item() == pytest.approx(1.0)
    assert vector_index(one_way, ANGLES, 2).item() == pytest.approx(1.0)
    assert vector_index(both_ways, ANGLES, 1).item() == pytest.approx(0.0, abs=1e-12)
    assert vector_index(both_ways, ANGLES, 2).item() == pytest.approx(1.0)


@pytest.mark.parametrize("turned", [0.0, 0.3, 2.0])
def test_an_index_is_half_the_harmonic_of_the_tuning_curve_wherever_it_points(turned):
    tuning = 3.0 * (1.0 + 0.5 * (ANGLES - turned).cos() + 0.2 * (2 * (ANGLES - turned)).cos())
    assert vector_index(tuning, ANGLES, 1).item() == pytest.approx(0.25)
    assert vector_index(tuning, ANGLES, 2).item() == pytest.approx(0.10)


def test_silence_has_no_preference_and_what_is_not_a_number_no_index():
    responses = torch.tensor([[0.0] * 8, [math.nan] + [1.0] * 7, [1.0] * 8]).double()
    for index in (direction_index(responses[:, 0], responses[:, 4]), vector_index(responses, ANGLES, 1)):
        assert index[0] == 0.0
        assert index[1].isnan()
        assert index[2].item() == pytest.approx(0.0, abs=1e-12)


def lowpass(signal, leak=0.2):
    """A leaky integrator that forgets a fifth in a step, along the last axis."""
    out, state = np.zeros_like(signal), 0.0
    for t in range(signal.shape[-1]):
        state = out[..., t] = (1.0 - leak) * state + leak * signal[..., t]
    return out


def pair(way, steps=240):
    """A grating of period 12 at two points, a sixth of a cycle apart, moving from a to b or back."""
    phase = 2 * math.pi * np.arange(steps) / 12
    return np.sin(phase), np.sin(phase - way * math.pi / 3)


def half_reichardt(a, b):
    return (lowpass(a) * b)[120:].mean()


def reichardt(a, b):
    return half_reichardt(a, b) - half_reichardt(b, a)


def barlow_levick(a, b, gain=1.5):
    """The excitation at a is vetoed by a delayed inhibition from b: null is from b to a."""
    return np.maximum(np.maximum(a, 0) - gain * lowpass(np.maximum(b, 0)), 0)[120:].mean()


def index(detector):
    return direction_index(*(torch.tensor(detector(*pair(way))) for way in (1, -1))).item()


def test_a_reichardt_detector_is_antisymmetric_and_its_half_is_not():
    forth, back = (reichardt(*pair(way)) for way in (1, -1))
    assert forth > 0.1
    assert back == pytest.approx(-forth, rel=1e-9)
    assert half_reichardt(*pair(1)) > 0.1
    assert abs(half_reichardt(*pair(1)) + half_reichardt(*pair(-1))) > 0.05


def test_barlow_and_levicks_veto_prefers_the_way_on_which_it_comes_late():
    assert index(barlow_levick) > 0.3
    assert index(lambda a, b: barlow_levick(a, b, gain=0.0)) == pytest.approx(0.0, abs=1e-9)


def test_a_starburst_dendrite_prefers_from_its_lagged_to_its_prompt_input_and_without_a_lag_nothing():
    def released(proximal, distal):
        return np.square(np.maximum(proximal + distal, 0))[120:].mean()

    assert index(lambda a, b: released(lowpass(a), b)) > 0.2
    assert index(lambda a, b: released(a, lowpass(b))) < -0.2
    assert index(lambda a, b: released(a, b)) == pytest.approx(0.0, abs=1e-9)
    assert index(lambda a, b: released(lowpass(a), lowpass(b))) == pytest.approx(0.0, abs=1e-9)
