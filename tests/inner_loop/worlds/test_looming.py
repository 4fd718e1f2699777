"""Looming: an agent that uses the edges escapes in time, one that uses the darkness fails; sizes by the formula."""

import math

import pytest
import torch

from genomes.errors import InputError
from genomes.streams import derive
from inner_loop.contracts.worlds import check_world
from inner_loop.worlds.looming import Looming

KEY = derive(0, "episodes")


def watch(world, escapes, episodes=600):
    """The last state, returns and the step of the end of films in which `escapes(images, changes)` decides."""
    state, moment = world.reset(KEY, episodes, KEY)
    returns, going = torch.zeros(1, episodes, dtype=torch.float64), torch.ones(1, episodes, dtype=torch.bool)
    ends = torch.zeros(1, episodes)
    for _ in range(world.steps):
        image, change = (half.unflatten(1, (world.pixels, -1)) for half in moment.observation.chunk(2, 1))
        state, moment = world.step(state, escapes(image, change).long())
        returns += torch.where(going, moment.reward, 0.0)
        ends += going
        going = going & ~moment.terminated
    assert not going.any()
    return state, returns, ends


def frames(world, episodes=30):
    """The images of whole films without an escape, (steps + 1, side, side, B), and the last state."""
    state, moment = world.reset(KEY, episodes, KEY)
    images = [moment.observation[0, : world.pixels**2]]
    for _ in range(world.steps):
        state, moment = world.step(state, torch.zeros(1, episodes, dtype=torch.int64))
        images.append(moment.observation[0, : world.pixels**2])
    return torch.stack(images).unflatten(1, (world.pixels, -1)), state


def expands(image, change):
    """An edge in the middle of the field, and an area whose radius grows by more than 1.5 degrees a frame."""
    side = image.shape[1]
    radius, before = (
        part.sum((1, 2)).clamp(min=0.0).div(math.pi).sqrt() * 120.0 / side for part in (image, image - change)
    )
    rim = torch.cat([image[:, 0], image[:, -1], image[:, :, 0], image[:, :, -1]], 1).amax(1)
    edge = image.amax((1, 2)) - image.amin((1, 2)) > 0.5
    return (radius - before > 1.5) & (rim < 0.3) & edge


def darkens(image, change):
    return image.mean((1, 2)) > 0.15


def never(image, change):
    return torch.zeros_like(image[:, 0, 0], dtype=torch.bool)


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        Looming(),
        Looming(pixels=4, change=False, distractors=("dimming",), looming=0.2),
        Looming(looming=1.0, collision=(1.1, 1.1), l_over_v=(0.3, 0.3)),
        Looming(looming=0.0, distractors=("translating", "receding")),
    ],
    ids=str,
)
def test_the_contract(world):
    check_world(world)


def test_who_watches_the_edge_expand_is_right():
    world = Looming()
    state, returns, ends = watch(world, expands)
    scores = world.scores(state, returns)
    assert all(scores[name].item() > 0.97 for name in world.score_names)
    assert (ends[state.film.looms] <= state.film.frames[state.film.looms]).all()


def test_who_watches_the_darkness_is_fooled():
    world = Looming(distractors=("dimming",))
    state, returns, _ = watch(world, darkens)
    scores = world.scores(state, returns)
    assert scores["hit_rate"].item() > 0.99
    assert scores["correct_rejection"].item() < 0.01
    scores = world.scores(*watch(world, expands)[:2])
    assert scores["correct_rejection"].item() == 1.0
    world = Looming(distractors=("translating",), l_over_v=(0.5, 0.6), collision=(2.0, 2.0))
    assert world.scores(*watch(world, darkens)[:2])["correct_rejection"].item() < 0.1


def test_staying_and_always_escaping_are_half_right():
    world = Looming()
    assert world.scores(*watch(world, never)[:2])["return"].item() == pytest.approx(0.5, abs=0.06)
    state, returns, ends = watch(world, lambda image, change: ~never(image, change))
    assert world.scores(state, returns) == {
        "return": pytest.approx(0.5, abs=0.06),
        "hit_rate": torch.ones(1),
        "correct_rejection": torch.zeros(1),
    }
    assert (ends == 1).all()


def test_the_angular_size_is_that_of_an_object_on_its_way():
    world = Looming(looming=1.0, pixels=81, eccentricity=0.0, collision=(2.0, 2.0), change=False)
    images, state = frames(world, episodes=8)
    area = images.sum((1, 2)) * (120.0 / 81) ** 2
    for frame in range(20):
        for b in range(8):
            half = math.degrees(math.atan(state.film.size[0, b].item() / (2.0 - 0.1 * frame)))
            if half < 58:
                assert math.sqrt(area[frame, b] / math.pi) == pytest.approx(half, rel=0.01, abs=0.1)
    assert state.film.size.min() >= 0.2
    assert state.film.size.max() <= 0.6
    torch.testing.assert_close(images, images.flip(1))
    torch.testing.assert_close(images, images.transpose(1, 2))


@pytest.mark.slow
def test_the_disc_is_off_the_middle_by_its_eccentricity():
    world = Looming(looming=1.0, pixels=61, eccentricity=20.0, l_over_v=(0.2, 0.2), collision=(4.0, 4.0), change=False)
    first = frames(world, episodes=300)[0][0]
    line = (torch.arange(61) - 30.0) * 120.0 / 61
    across = (first.sum(0) * line[:, None]).sum(0) / first.sum((0, 1))
    down = (first.sum(1) * line[:, None]).sum(0) / first.sum((0, 1))
    for axis in (across, down):
        assert 19.0 < axis.abs().max() < 20.1
        assert abs(axis.mean()) < 2.5
    assert abs(torch.corrcoef(torch.stack((across, down)))[0, 1]) < 0.2


def test_the_collision_is_on_time_and_the_last_moment_still_saves():
    world = Looming(looming=1.0, collision=(0.95, 3.0))
    state, returns, ends = watch(world, never)
    assert (returns == 0).all()
    assert torch.equal(ends, state.film.frames.float())
    assert set(ends[0].tolist()) == set(range(10, 31))
    for step, reward in ((29, 1.0), (30, 0.0)):
        world = Looming(looming=1.0, collision=(3.0, 3.0))
        state, moment = world.reset(KEY, 2, KEY)
        for _ in range(step):
            state, moment = world.step(state, torch.zeros(1, 2, dtype=torch.int64))
        assert moment.terminated.all() == (step == 30)
        if step == 29:
            state, moment = world.step(state, torch.ones(1, 2, dtype=torch.int64))
        assert (moment.reward == reward).all()


def test_a_receding_disc_is_a_looming_one_backwards():
    (looming, state), (receding, other) = (frames(Looming(looming=s, distractors=("receding",))) for s in (1.0, 0.0))
    assert torch.equal(state.film.frames, other.film.frames)
    for b in range(30):
        last = int(state.film.frames[0, b])
        torch.testing.assert_close(receding[:last, ..., b], looming[:last, ..., b].flip(0), rtol=1e-4, atol=1e-4)


def test_a_dimming_field_has_the_darkness_of_a_looming_disc_and_no_edge():
    looming, dimming = (frames(Looming(looming=s, distractors=("dimming",)))[0] for s in (1.0, 0.0))
    torch.testing.assert_close(dimming, looming.mean((1, 2), keepdim=True).expand_as(dimming))


def test_a_translating_disc_keeps_its_size_and_crosses_in_a_straight_line():
    world = Looming(
        looming=0.0,
        distractors=("translating",),
        pixels=61,
        eccentricity=0.0,
        l_over_v=(0.1, 0.2),
        collision=(3.0, 3.0),
    )
    images, state = frames(world, episodes=10)
    images = images[:30]
    dark = images.sum((1, 2))
    line = torch.arange(61) - 30.0
    rim = torch.stack([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]).amax((0, 2))
    for b in range(10):
        whole = (rim[:, b] == 0) & (dark[:, b] > 1)
        assert whole.sum() > 5
        half = math.degrees(math.atan(state.film.size[0, b].item() / 1.5))
        radius = (dark[whole, b] / math.pi).sqrt() * 120.0 / 61
        assert radius.tolist() == pytest.approx([half] * len(radius), rel=0.02)
        x = (images[whole, :, :, b].sum(1) * line).sum(1) / dark[whole, b]
        y = (images[whole, :, :, b].sum(2) * line).sum(1) / dark[whole, b]
        way = whole.nonzero().flatten().float() / 14.5 - 1.0  # -1 in the first frame, 1 in the last
        reach = torch.maximum((x / way).abs(), (y / way).abs())
        assert reach.tolist() == pytest.approx([30.5 + half * 61 / 120] * len(reach), rel=0.03)
        bearing = torch.atan2(y / way, x / way)
        assert bearing.cos().std() + bearing.sin().std() < 0.03
        assert dark[0, b] <= 1
        assert dark[29, b] <= 1
    assert len({round(math.atan2(*state.film.velocity[0, :, 0, b].tolist()), 3) for b in range(10)}) == 10


def test_films_are_as_frequent_as_wanted():
    film = Looming(looming=0.25).reset(KEY, 4000, KEY)[0].film
    share = [film.looms, film.dims, film.pace > 0, film.pace == 0]
    assert [kind.float().mean().item() for kind in share] == pytest.approx([0.25] * 4, abs=0.03)
    assert (sum(kind.int() for kind in share) == 1).all()


def test_the_change_is_that_since_the_last_frame():
    world = Looming()
    state, first = world.reset(KEY, 5, KEY)
    _, second = world.step(state, torch.zeros(1, 5, dtype=torch.int64))
    assert (first.observation[:, 49:] == 0).all()
    assert torch.equal(second.observation[:, 49:], second.observation[:, :49] - first.observation[:, :49])
    bare = Looming(change=False).reset(KEY, 5, KEY)[1].observation
    assert torch.equal(bare, first.observation[:, :49])


def test_scores_by_hand():
    world = Looming()
    state, _ = world.reset(KEY, 5, KEY)
    film = state.film._replace(looms=torch.tensor([[True, True, False, False, False]]))
    right = torch.tensor([[1, 0, 1, 1, 0], [0, 0, 1, 1, 1]]).double()
    scores = world.scores(state._replace(film=film), right)
    assert scores["return"].tolist() == pytest.approx([0.6, 0.6])
    assert scores["hit_rate"].tolist() == [0.5, 0.0]
    assert scores["correct_rejection"].tolist() == pytest.approx([2 / 3, 1.0])
    film = film._replace(looms=torch.zeros(1, 5, dtype=torch.bool))
    assert world.scores(state._replace(film=film), right)["hit_rate"].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"pixels": 1},
        {"field": 0.0},
        {"frame": 0.0},
        {"l_over_v": (0.0, 1.0)},
        {"collision": (0.1, 2.0)},
        {"collision": (3.0, 2.0)},
        {"eccentricity": -1.0},
        {"looming": 1.1},
        {"distractors": ()},
    ],
)
def test_impossible_films(wrong):
    with pytest.raises(InputError, match=f"Looming.{next(iter(wrong))}"):
        Looming(**wrong)


@pytest.mark.parametrize("kind", ["receding", "translating", "dimming"])
def test_an_escape_from_what_does_not_loom_is_never_paid_not_even_in_the_last_frame(kind):
    world = Looming(looming=0.0, distractors=(kind,), collision=(1.0, 1.0))
    for last in range(10):
        state, moment = world.reset(KEY, 6, KEY)
        for frame in range(last + 1):
            state, moment = world.step(state, torch.full((1, 6), int(frame == last)))
        assert moment.terminated.all()
        assert (moment.reward == 0).all(), last
