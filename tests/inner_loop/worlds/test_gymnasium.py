"""Environments of Gymnasium against plain loops over them, and one sentence for every impossible setting."""

import gc
import subprocess
import sys

import numpy as np
import pytest
import torch

from genomes.errors import InputError
from genomes.streams import Streams, derive
from inner_loop.contracts.worlds import check_world
from inner_loop.world import Continuous, Discrete
from inner_loop.worlds.gymnasium import Gymnasium

gymnasium = pytest.importorskip("gymnasium")

CLASSIC = ["CartPole-v1", "Acrobot-v1", "MountainCar-v0", "MountainCarContinuous-v0", "Pendulum-v1"]
LIVES, EPISODES = 2, 3
ANT_LEG = (2, 3)


def streams(lives=LIVES, purpose="episodes"):
    return derive(0, purpose, owners=range(lives))


def begun(world, lives=LIVES, episodes=EPISODES):
    return world.reset(streams(lives), episodes, streams(lives, "lives"))


def drawn(world, time, lives=LIVES, episodes=EPISODES):
    """Random actions of one step."""
    doing = streams(lives, "actions").stream(time)
    if isinstance(world.actions, Discrete):
        return doing.integers(world.actions.count, episodes)
    low, high = (torch.tensor(end)[:, None] for end in (world.actions.low, world.actions.high))
    return low + doing.uniform(episodes, world.outputs).mT.float() * (high - low)


class Alarm(gymnasium.Env):
    """Ends after a few steps, and raises on a step after the end; shows its own memory, and counts calls of close."""

    action_space = gymnasium.spaces.Box(np.array([-1.0, 2.0], dtype=np.float32), np.array([1.0, 6.0], dtype=np.float32))
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (2, 3), dtype=np.float64)
    made = closed = 0

    def __init__(self, wait=3, odd=False, render_mode=None):
        Alarm.made += 1
        self.wait, self.odd, self.told = wait, odd, []
        self.shown = np.zeros((2, 3))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        self.shown[:] = self.np_random.random((2, 3))
        return self.shown, {}

    def step(self, action):
        self.time += 1
        assert self.time <= self.wait, "the alarm has gone off already"
        assert self.action_space.contains(action), action
        self.told.append(action)
        self.shown += action[0]
        ended = self.time == self.wait
        if self.odd and ended:
            self.shown[0] = np.nan, np.inf, -1e300
        return self.shown, float(action[1]), ended, False, {}

    def close(self):
        Alarm.closed += 1


class Habit(gymnasium.Env):
    """Has one fault of a user-defined environment, from its second step on or from the beginning."""

    action_space = gymnasium.spaces.Discrete(2)
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (3,))
    habits = {
        "grown": {"seen": np.zeros(6)},
        "shrunk": {"seen": np.zeros(2)},
        "ragged": {"seen": [[1.0], [1.0, 2.0]]},
        "two rewards": {"reward": np.zeros(2)},
        "no reward": {"reward": None},
        "two ends": {"ended": np.array([True, False])},
    }

    def __init__(self, habit=None, render_mode=None):
        self.habit = self.habits.get(habit, {})

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.time = 0
        return np.zeros(3), {}

    def step(self, action):
        self.time += 1
        now = self.habit if self.time > 1 else {}
        return now.get("seen", np.ones(3)), now.get("reward", 1.0), now.get("ended", False), False, {}


class Double(Habit):
    def reset(self, *, seed=None, options=None):
        return np.zeros(6), {}


class Old(Habit):
    def reset(self):
        return np.zeros(3)


class OldStep(Habit):
    def step(self, action):
        return np.zeros(3), 1.0, False, {}


class OldReset(Habit):
    def reset(self, *, seed=None, options=None):
        return np.zeros(3)


class Strange(gymnasium.Env):
    """Has the spaces that a test needs."""

    def __init__(self, taken=None, shown=None, render_mode=None):
        self.action_space = taken or gymnasium.spaces.Discrete(2)
        self.observation_space = shown or gymnasium.spaces.Box(0.0, 1.0, (2,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.observation_space.sample(), {}


@pytest.fixture
def register():
    """Registers an environment for one test."""
    ids = []

    def registered(id, entry_point, **options):
        gymnasium.register(id, entry_point, **options)
        ids.append(id)
        return id

    yield registered
    for id in ids:
        del gymnasium.registry[id]


@pytest.fixture
def alarm(register):
    Alarm.made = Alarm.closed = 0
    return register("Alarm-v0", Alarm, max_episode_steps=5)


@pytest.mark.slow
@pytest.mark.parametrize("id", CLASSIC)
def test_the_contract_of_classic_control(id):
    assert check_world(Gymnasium(id))


@pytest.mark.slow
@pytest.mark.parametrize(
    "world",
    [
        Gymnasium(),
        Gymnasium("Pendulum-v1", (("g", 3.0),), longest=20),
        Gymnasium("FrozenLake-v1", (("is_slippery", False),)),
        Gymnasium("MountainCarContinuous-v0", damaged_actions=(0,), longest=70),
    ],
)
def test_the_contract_of_variants(world):
    assert check_world(world)


@pytest.mark.slow
@pytest.mark.parametrize("id", CLASSIC)
def test_episodes_are_those_of_a_plain_loop(id):
    world, plain = Gymnasium(id, longest=120), gymnasium.make(id, max_episode_steps=120)
    state, moment = begun(world)
    moments = [moment]
    for time in range(world.steps):
        state, moment = world.step(state, drawn(world, time))
        moments.append(moment)
    assert world.steps == 120
    seeds = streams().stream("seed").integers(2**31, EPISODES)
    for k in range(LIVES):
        for b in range(EPISODES):
            seen, _ = plain.reset(seed=int(seeds[k, b]))
            assert torch.equal(moments[0].observation[k, :, b], torch.tensor(seen))
            for time, there in enumerate(moments[1:]):
                action = drawn(world, time)[k, ..., b].numpy()
                seen, reward, *ends, _ = plain.step(action.item() if action.shape == () else action)
                torch.testing.assert_close(there.observation[k, :, b], torch.tensor(seen), rtol=0.0, atol=0.0)
                assert there.reward[k, b].item() == np.float32(reward)
                assert [there.terminated[k, b].item(), there.truncated[k, b].item()] == ends
                if any(ends):
                    break
            assert any(ends)


@pytest.mark.parametrize(
    ("id", "inputs", "actions", "steps"),
    [
        ("CartPole-v1", 4, Discrete(2), 500),
        ("Acrobot-v1", 6, Discrete(3), 500),
        ("Pendulum-v1", 3, Continuous((-2.0,), (2.0,)), 200),
        ("FrozenLake-v1", 16, Discrete(4), 100),
    ],
)
def test_sizes_are_those_of_the_environment(id, inputs, actions, steps):
    world = Gymnasium(id)
    assert (world.inputs, world.actions, world.steps) == (inputs, actions, steps)


def test_what_is_discrete_is_seen_one_hot():
    world = Gymnasium("FrozenLake-v1", (("is_slippery", False),))
    state, moment = begun(world, 1, 2)
    assert torch.equal(moment.observation[0], torch.eye(16)[[0, 0]].T)
    _, moment = world.step(state, torch.tensor([[2, 1]]))  # to the right, down
    assert torch.equal(moment.observation[0], torch.eye(16)[[1, 4]].T)


def test_numbers_that_do_not_begin_with_0(register):
    choice = gymnasium.spaces.Discrete

    class Echo(Strange):
        def reset(self, *, seed=None, options=None):
            return 5, {}

        def step(self, action):
            return action + 1, 0.0, False, False, {}

    echo = register(
        "Echo-v0", lambda render_mode=None: Echo(choice(3, start=-1), choice(4, start=2)), max_episode_steps=5
    )
    world = Gymnasium(echo)
    state, moment = begun(world, 1, 1)
    assert (world.inputs, world.outputs) == (4, 3)
    assert moment.observation[0, :, 0].tolist() == [0.0, 0.0, 0.0, 1.0]
    assert world.step(state, torch.tensor([[2]]))[1].observation[0, :, 0].tolist() == [1.0, 0.0, 0.0, 0.0]


def test_arguments_reach_the_environment(alarm):
    world = Gymnasium(alarm, (("wait", 2),))
    state, _ = begun(world)
    ends = []
    for time in range(3):
        state, moment = world.step(state, drawn(world, time))
        ends.append((bool(moment.terminated.all()), bool(moment.truncated.any())))
    assert ends == [(False, False), (True, False), (True, False)]


def test_time_that_is_up_is_no_end_of_its_own(alarm):
    state, _ = begun(world := Gymnasium(alarm, (("wait", 9),)))
    for time in range(5):
        state, moment = world.step(state, drawn(world, time))
    assert moment.truncated.all()
    assert not moment.terminated.any()


def test_nobody_goes_on_after_the_end_and_what_is_shown_is_finite(alarm):
    world = Gymnasium(alarm, (("odd", True),))
    state, moment = begun(world)
    for time in range(5):
        state, moment = world.step(state, drawn(world, time))
        assert moment.observation.isfinite().all()
        assert bool((moment.reward == 0).all()) == (time >= 3)
    assert (moment.observation[:, 0] == 0.0).all()
    assert (moment.observation[:, 1] > 1e38).all()


@pytest.mark.slow
def test_observations_are_copies_of_what_the_environment_shows(alarm):
    world = Gymnasium(alarm)
    state, first = begun(world)
    before = first.observation.clone()
    _, second = world.step(state, actions := drawn(world, 0))
    assert torch.equal(first.observation, before)
    torch.testing.assert_close(second.observation, before + actions[:, :1])


def test_lives_that_begin_alike_part_with_their_first_actions():
    world = Gymnasium("Pendulum-v1")
    one = Streams(streams().keys[:1])
    state, moment = world.reset(one, EPISODES, one)
    assert moment.observation.shape == (1, 3, EPISODES)
    actions = torch.tensor([-2.0, 0.0, 2.0])[:, None, None].expand(3, 1, EPISODES)
    state, moment = world.step(state, actions)
    for k in range(3):
        alone, _ = world.reset(one, EPISODES, one)
        assert torch.equal(moment.observation[k], world.step(alone, actions[k : k + 1])[1].observation[0])
    assert not torch.equal(moment.observation[0], moment.observation[1])


def told(world, action):
    """The actions that reach the environment of one episode."""
    state, _ = begun(world, 1, 1)
    world.step(state, torch.tensor(action)[None, :, None])
    return state._environments[0].unwrapped.told[0].tolist()


def test_actions_stay_in_their_range_and_what_is_no_number_is_the_middle(alarm):
    assert told(Gymnasium(alarm), [0.5, 3.0]) == [0.5, 3.0]
    assert told(Gymnasium(alarm), [-7.0, 9.0]) == [-1.0, 6.0]
    assert told(Gymnasium(alarm), [torch.inf, torch.nan]) == [1.0, 4.0]


def test_a_damaged_actuator_takes_the_middle_of_its_range(alarm):
    assert told(Gymnasium(alarm, damaged_actions=(1,)), [0.5, 3.0]) == [0.5, 4.0]
    assert told(Gymnasium(alarm, damaged_actions=(0, 1)), [0.5, torch.nan]) == [0.0, 4.0]


@pytest.mark.slow
def test_every_environment_is_closed_when_its_episode_is_forgotten(alarm):
    world = Gymnasium(alarm, longest=4)
    state, _ = world.reset(streams(1), EPISODES, streams(1, "lives"))
    assert (Alarm.made, Alarm.closed) == (EPISODES + 1, 1)  # one was made to read its spaces
    state, _ = world.step(state, drawn(world, 0))
    assert (Alarm.made, Alarm.closed) == (LIVES * EPISODES + 1, 1)
    del state
    gc.collect()
    assert Alarm.closed == Alarm.made


@pytest.mark.parametrize(
    ("world", "sentence"),
    [
        (("CartPol-v1",), r"Gymnasium\.id: no environment 'CartPol-v1'; did you mean 'CartPole-v1'\?"),
        (("CartPole",), r"Gymnasium\.id: no environment 'CartPole'; did you mean 'CartPole-v1'\?"),
        (("os:CartPol-v1",), r"Gymnasium\.id: no environment 'CartPol-v1'; .*; os does not register it"),
        (("nowhere:CartPole-v1",), r"Gymnasium\.id: 'nowhere' cannot be imported: ModuleNotFoundError"),
        (
            ("Blackjack-v1",),
            r"Gymnasium\.id: expected a Box of observations or Discrete ones in Blackjack-v1, got Tuple",
        ),
        (("CliffWalking-v1",), r"Gymnasium\.longest: expected a number of steps, since CliffWalking-v1 has no limit"),
        (("CartPole-v1", (("wind", 3.0),)), r"Gymnasium\.arguments: 'CartPole-v1' cannot be made: .*argument 'wind'"),
        (
            ("Pendulum-v1", (), None, (1,)),
            r"Gymnasium\.damaged_actions: expected numbers of the 1 actuators, got \(1,\)",
        ),
        (("CartPole-v1", (), None, (0,)), r"Gymnasium\.damaged_actions: expected numbers of the 0 actuators"),
    ],
)
def test_one_sentence_for_what_cannot_be(world, sentence):
    with pytest.raises(InputError, match=f"^{sentence}"):
        Gymnasium(*world).ready()


@pytest.mark.parametrize(
    "taken",
    [
        gymnasium.spaces.MultiDiscrete([2, 2]),
        gymnasium.spaces.Box(-1.0, 1.0, (2, 2)),
        gymnasium.spaces.Box(-np.inf, 1.0, (2,)),
    ],
    ids=str,
)
def test_actions_that_no_network_takes(register, taken):
    strange = register("Strange-v0", Strange, max_episode_steps=5, kwargs={"taken": taken})
    with pytest.raises(
        InputError, match=r"Gymnasium\.id: expected .* actions on one axis or Discrete ones in Strange-v0"
    ):
        Gymnasium(strange, longest=7).ready()


@pytest.mark.parametrize("habit", Habit.habits)
def test_what_is_not_of_its_size_reaches_no_other_episode(habit, register):
    world = Gymnasium(register("Habit-v0", Habit, max_episode_steps=5, kwargs={"habit": habit}))
    state, _ = begun(world)
    state, _ = world.step(state, drawn(world, 0))
    with pytest.raises(ValueError):
        world.step(state, drawn(world, 1))


def test_a_choice_that_the_space_does_not_have_is_none(register):
    class Beyond(Habit):
        observation_space = gymnasium.spaces.Discrete(3)

        def reset(self, *, seed=None, options=None):
            return 0, {}

        def step(self, action):
            return 3, 0.0, False, False, {}

    state, _ = begun(world := Gymnasium(register("Beyond-v0", Beyond, max_episode_steps=5)))
    with pytest.raises(ValueError, match="an observation among its 3 choices, got 3"):
        world.step(state, drawn(world, 0))


def test_numbers_of_other_kinds_are_those_of_python(register):
    class Kinds(Habit):
        def step(self, action):
            return np.zeros((3, 1)), np.array([0.1], dtype=np.float32), np.bool_(True), np.array(False), {}

    state, _ = begun(world := Gymnasium(register("Kinds-v0", Kinds, max_episode_steps=5)))
    moment = world.step(state, drawn(world, 0))[1]
    assert torch.equal(moment.reward, torch.full((LIVES, EPISODES), 0.1))
    assert moment.terminated.all()


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        (Double, r"Strange-v1: expected observations of 3 numbers, as its space says, got one of shape \(6,\)"),
        (Old, r"'Strange-v1' cannot be reset: TypeError: .*'seed'.*; expected Gymnasium's interface from 0\.26 on"),
        (OldReset, r"'Strange-v1' gives ndarray at reset; expected Gymnasium's interface"),
        (OldStep, r"'Strange-v1' gives 4 values at step; expected Gymnasium's interface"),
    ],
)
def test_what_no_life_could_be_lived_in_is_refused_before_any(kind, sentence, register):
    with pytest.raises(InputError, match=rf"Gymnasium\.id: {sentence}"):
        Gymnasium(register("Strange-v1", kind, max_episode_steps=5)).ready()


def test_an_id_that_is_registered_anew_is_looked_at_anew(register):
    world = Gymnasium(register("Anew-v0", Habit, max_episode_steps=5))
    assert world.inputs == 3
    del gymnasium.registry["Anew-v0"]
    gymnasium.register("Anew-v0", lambda render_mode=None: gymnasium.make("CartPole-v1").unwrapped, max_episode_steps=5)
    assert world.inputs == 4


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"arguments": (("g", 1.0), ("g", 2.0))}, "arguments"),
        ({"arguments": (("max_episode_steps", 3),)}, "arguments"),
        ({"longest": 0}, "longest"),
    ],
)
def test_impossible_fields(fields, name):
    with pytest.raises(InputError, match=rf"Gymnasium\.{name}: expected"):
        Gymnasium(**fields)


def missing(name, monkeypatch):
    """As if a package were not installed."""
    for module in [module for module in sys.modules if module.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.parametrize(
    ("id", "package", "extra", "folder"),
    [("Ant-v5", "mujoco", "mujoco", "mujoco"), ("LunarLander-v3", "Box2D", "box2d", "box2d")],
)
def test_a_missing_simulator_is_one_sentence(monkeypatch, id, package, extra, folder):
    missing(package, monkeypatch)
    for module in [module for module in sys.modules if module.startswith(f"gymnasium.envs.{folder}")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(InputError) as caught:
        Gymnasium(id, longest=13).ready()
    assert str(caught.value) == f"Gymnasium.id: a package is missing for '{id}': pip install 'instinct[{extra}]'"


def test_without_gymnasium_it_is_one_sentence(monkeypatch):
    missing("gymnasium", monkeypatch)
    with pytest.raises(InputError, match=r"Gymnasium: a package is missing: pip install gymnasium"):
        Gymnasium(longest=17).ready()


@pytest.mark.process
def test_the_module_alone_imports_nothing():
    code = "import sys, inner_loop.worlds.gymnasium; Gymnasium = inner_loop.worlds.gymnasium.Gymnasium('CartPole-v1')"
    subprocess.run([sys.executable, "-c", f"{code}; sys.exit('gymnasium' in sys.modules)"], check=True)


def test_an_ant_with_a_damaged_leg():
    pytest.importorskip("mujoco")
    whole, damaged = (Gymnasium("Ant-v5", longest=30, damaged_actions=leg) for leg in ((), ANT_LEG))
    assert check_world(damaged)
    assert (whole.inputs, whole.outputs, Gymnasium("Ant-v5").steps) == (105, 8, 1000)

    def walked(world, paralysed):
        state, moment = begun(world, 1, 2)
        for time in range(30):
            actions = drawn(world, time, 1, 2)
            actions[:, list(paralysed)] = 0.0
            state, moment = world.step(state, actions)
        return moment.observation

    assert torch.equal(walked(damaged, ()), walked(whole, ANT_LEG))
    assert not torch.equal(walked(damaged, ()), walked(whole, ()))


def test_a_lander_of_box2d():
    pytest.importorskip("Box2D")
    assert check_world(Gymnasium("LunarLander-v3", longest=80))
    assert check_world(Gymnasium("LunarLander-v3", (("continuous", True), ("gravity", -5.0)), 80, (1,)))


@pytest.mark.parametrize("name", ["CartPole-v1", "Pendulum-v1"])
def test_the_first_episodes_are_those_of_gymnasiums_own_vector_environment(name):
    world, keys = Gymnasium(name), derive(0, "episodes")
    state, moment = world.reset(keys, 5, keys)
    vector = gymnasium.make_vec(name, num_envs=5, vectorization_mode="sync")
    seen, _ = vector.reset(seed=keys.stream("seed").integers(2**31, 5)[0].tolist())
    going = np.ones(5, dtype=bool)
    for step in range(60):
        shown = moment.observation[0].T.numpy()
        np.testing.assert_allclose(shown[going], seen[going], rtol=1e-6)
        if isinstance(world.actions, Discrete):
            actions = keys.stream(step).integers(2, 5)
            given = actions[0].numpy()
        else:
            actions = (keys.stream(step).uniform(1, 5) * 4 - 2).float()
            given = actions[0].T.numpy()
        state, moment = world.step(state, actions)
        seen, reward, terminated, truncated, _ = vector.step(given)
        np.testing.assert_allclose(moment.reward[0].numpy()[going], reward[going], rtol=1e-6)
        going &= ~(terminated | truncated)
    assert name != "CartPole-v1" or not going.all(), "some have ended"
    vector.close()


@pytest.mark.slow
def test_the_fingerprint_names_the_simulator():
    assert Gymnasium("CartPole-v1").fingerprint() == f"gymnasium {gymnasium.__version__}"
    assert "mujoco " in Gymnasium("Ant-v5").fingerprint()
