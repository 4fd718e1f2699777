"""A life in a world: measured at birth, living through its episodes, measured again; there and in held-out worlds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, final

import numpy as np
import torch
from numpy import ndarray

from genomes.errors import require
from genomes.phenotype import Phenotype
from genomes.streams import Streams
from genomes.topology import Topology
from inner_loop.environment import Environment, Split
from inner_loop.life import CONDITIONS, Condition, Exam, HeldOut, Life, LifeStreams, Measurements, check_size
from inner_loop.lives import compiled_episodes
from inner_loop.lives.agent import AgentState
from inner_loop.lives.behaviour import Behaved, behave
from inner_loop.network import Network, Weights
from inner_loop.objective import Objective
from inner_loop.rule import LearningRule
from inner_loop.world import World

THERE = "learned_there"
"""In a held-out world: after a life in that world rather than at home, plasticity off."""


@final
@dataclass(frozen=True)
class EpisodicLifetime(Life):
    """The episodes of a life in a world, and its measurements.

    Attributes:
        episodes: consecutive episodes of a life; 0: no life. A life is also left out if no measured condition needs it.
        exams: episodes of each examination, side by side.
        measured: the conditions that are measured in every generation; the result of a run has all conditions.
        persist: True keeps the weights from one episode to the next; False: each episode begins with those of birth.
        parallel: episodes of a life that run side by side on the same weights.
        feedback: True if the network senses its last action and reward beside the observation (Duan et al. 2016; Wang
            et al. 2016): the sensory group then needs one more unit than inputs and outputs together.
        births: the number of births of each genome; the measurements are means over them.
        common: True if all individuals of a generation meet the same episodes.
        criterion: main score of an episode that counts as learned, for trials to criterion.
    """

    unit: ClassVar[str] = "episode"
    side_by_side: ClassVar[bool] = True

    episodes: int = 1
    exams: int = 4
    measured: tuple[Condition, ...] = CONDITIONS
    persist: bool = True
    parallel: int = 1
    feedback: bool = False
    births: int = 1
    common: bool = True
    criterion: float = 0.9

    def __post_init__(self) -> None:
        for name, least in (("episodes", 0), ("exams", 1), ("parallel", 1), ("births", 1)):
            require(getattr(self, name) >= least, f"lifetime.{name}", f"at least {least}", getattr(self, name))
        once = self.measured and len({*self.measured}) == len(self.measured)
        require(once, "lifetime.measured", "at least one condition, each once", list(self.measured))
        require(math.isfinite(self.criterion), "lifetime.criterion", "a finite score", self.criterion)

    @property
    def length(self) -> int:
        """Episodes."""
        return self.episodes

    @property
    def conditions(self) -> tuple[str, ...]:
        """The conditions that are measured in every generation."""
        return self.measured

    @property
    def reported(self) -> tuple[str, ...]:
        """All conditions."""
        return CONDITIONS

    @property
    def of_founders(self) -> tuple[Condition, ...]:
        """All conditions."""
        return CONDITIONS

    def distinct(self, topology: Topology, rule: LearningRule) -> tuple[Condition, ...]:
        """Memory makes a difference if the network has any, plasticity if the rule learns."""
        possible = {"innate"}
        possible |= {"innate_memory"} if topology.has_memory or self.feedback else set()
        possible |= {"innate_plastic"} if rule.learns else set()
        possible |= {"learned", "learned_plastic"} if self.length and rule.learns else set()
        return tuple(condition for condition in CONDITIONS if condition in possible)

    @property
    def no_curve(self) -> str:
        """A life of one episode, or weights that are reset in each episode, have no comparable curve."""
        if self.episodes == 1:
            return "a life is one episode, and learning goes on within it"
        return "" if self.persist else "every episode of a life begins with the weights of birth"

    @property
    def points(self) -> tuple[int, ...]:
        """Every episode."""
        return tuple(range(1, self.episodes + 1))

    @property
    def lives(self) -> bool:
        """True if the episodes of a life are run."""
        return self.episodes > 0 and bool({"learned", "learned_plastic"} & set(self.measured))

    def lengthened(self, times: int, points: int | None = None) -> EpisodicLifetime:
        """More episodes."""
        return replace(self, episodes=times * self.episodes)

    def short(self) -> EpisodicLifetime:
        """One episode, one examination, one birth."""
        return replace(self, episodes=min(self.episodes, 1), exams=1, births=1)

    def examined(self, episodes: int) -> EpisodicLifetime:
        """Sets the number of episodes of each examination, which run side by side."""
        return replace(self, exams=episodes)

    def inputs(self, world: World) -> int:
        """Units of the sensory group."""
        return world.inputs + (world.outputs + 1 if self.feedback else 0)

    def without_twin(
        self, rule: LearningRule, objective: Objective | None, environment: Environment, topology: Topology
    ) -> str:
        """Episodes are compiled where the world and the unit models have a twin, and the rule one in lanes."""
        together = self.parallel if self.episodes else 1
        return compiled_episodes.without_twin(rule, objective, environment, topology, together)

    def check(self, environment: Environment, topology: Topology) -> None:
        """Raises InputError unless the environment is a world and the network has its size."""
        require(isinstance(environment, World), "lifetime", f"lives in a {environment.seam}", type(self).__name__)
        assert isinstance(environment, World), "just required"
        felt = "inputs" + " and the feedback" * self.feedback
        check_size(environment, topology.sensory, self.inputs(environment), felt)
        check_size(environment, topology.output, environment.outputs, "outputs")

    def live(
        self,
        newborn: Phenotype,
        rule: LearningRule,
        objective: Objective | None,
        environment: Environment,
        streams: LifeStreams,
        exam: Exam,
        held_out: HeldOut = (),
    ) -> Measurements:
        """Calls `live_in` with the settings of the examination."""
        assert isinstance(environment, World), "checked"
        conditions = exam.conditions or (CONDITIONS if exam.split == "test" else self.measured)
        lifetime = replace(self, measured=conditions, episodes=self.episodes if exam.learn else 0)
        how = streams.met, exam.split, held_out if exam.split == "test" else (), streams.own, exam.compiled
        return live_in(newborn, rule, objective, environment, lifetime, *how)

    def names(self, scores: Sequence[str]) -> tuple[str, ...]:
        """The measurements of a generation: one number for each life."""
        lived = ("area", "trials_to_criterion", "steps") if self.lives else ()
        gain = ("gain",) if {"innate", "learned"} <= set(self.measured) else ()
        return (*(f"{c}.{score}" for c in self.measured for score in scores), *gain, *lived, "synapses")


def live_in(
    newborn: Phenotype,
    rule: LearningRule,
    objective: Objective | None,
    world: World,
    lifetime: EpisodicLifetime,
    streams: Streams,
    split: Split = "selection",
    held_out: HeldOut = (),
    own: Streams | None = None,
    compiled: bool = False,
) -> Measurements:
    """Measurements of P lives side by side in a world.

    Args:
        streams: of these lives: 1 stream when the episodes are common to all, or P.
        split: the split of the examination's episodes; the episodes of the life itself are always those of `train`.
        held_out: worlds in which every condition is measured too.
        own: P streams, one for each individual, from which the rule draws at birth; None: those of lives outside a run.
        compiled: True: by compiled twins, which everything here must have.

    Returns:
        `CONDITION.X` for every measured condition and score X; `gain`, learned minus innate main score; from the
        episodes of the life, with plasticity on, the `curve` of the main score, (P, episodes), its mean `area`,
        `trials_to_criterion` (one past the end if never) and `steps`; `synapses`; `held_out.NAME.CONDITION.X`.
    """
    with torch.inference_mode():
        own = own or LifeStreams.of(streams, newborn).own
        life = WorldLives(newborn, rule, objective, world, lifetime, streams, own, split, compiled)
        measured = life.examined(lifetime.measured) | life.course()
        for name, away in held_out:
            assert isinstance(away, World), "checked"
            there = replace(life, world=away, lived=life)
            found = there.examined(CONDITIONS) | {f"{THERE}.{s}": m for s, m in there.settled().items()}
            measured |= {f"held_out.{name}.{key}": value for key, value in found.items()}
    main = world.score_names[0]
    if {"innate", "learned"} <= set(lifetime.measured):
        measured["gain"] = measured[f"learned.{main}"] - measured[f"innate.{main}"]
    return measured | {"synapses": newborn.synapses_grown().cpu().numpy()}


@final
@dataclass(frozen=True, eq=False)
class WorldLives:
    """P lives in a world; each result is computed when it is first needed."""

    newborn: Phenotype
    rule: LearningRule
    objective: Objective | None
    world: World
    lifetime: EpisodicLifetime
    streams: Streams
    own: Streams
    split: Split
    compiled: bool = False
    lived: WorldLives | None = None  # the lives at home, if this is a held-out world
    _known: dict[Any, Any] = field(default_factory=dict, init=False)

    def examined(self, conditions: Sequence[Condition]) -> Measurements:
        """Scores by `CONDITION.X`."""
        return {f"{c}.{name}": score for c in conditions for name, score in self._exam(c).items()}

    def settled(self) -> Measurements:
        """Scores after a life in this very world, plasticity off."""
        own = self._same_as("learned") == "learned"
        return self._behave(self.grown()[0]).measured if own else self._exam("learned")

    def course(self) -> Measurements:
        """The learning curve and other measurements of the episodes of the life."""
        if not self.lifetime.lives:
            return {}
        curve, steps = self.grown()[1:]
        reached = curve >= self.lifetime.criterion
        first = np.where(reached.any(1), reached.argmax(1) + 1, curve.shape[1] + 1)
        trials = first * float(self.lifetime.parallel)
        return {"curve": curve, "area": curve.mean(1), "trials_to_criterion": trials, "steps": steps}

    def _exam(self, condition: Condition) -> Measurements:
        condition = self._same_as(condition)
        if condition not in self._known:
            learned = condition.startswith("learned")
            weights = (self.lived or self).grown()[0] if learned else Weights.born(self.newborn)
            plastic = condition.endswith("plastic")
            self._known[condition] = self._behave(weights, plastic, condition == "innate").measured
        return self._known[condition]

    def _same_as(self, condition: Condition) -> Condition:
        """A condition that has the same results as this one, so that both are measured once."""
        if not (self.rule.learns and self.lifetime.episodes):
            frozen: dict[Condition, Condition] = {"learned": "innate_memory", "learned_plastic": "innate_plastic"}
            condition = frozen.get(condition, condition)
        if not self.rule.learns and condition == "innate_plastic":
            return "innate_memory"
        remembers = self.newborn.topology.has_memory or self.lifetime.feedback
        return "innate_memory" if condition == "innate" and not remembers else condition

    def _behave(self, weights: Weights, plastic: bool = False, forgetful: bool = False) -> Behaved:
        """Runs an examination; if the rule learns, the episodes learn apart, from the same weights."""
        exams, hidden = self.lifetime.exams, self.streams.stream("hidden")
        newborn = self.newborn.repeated(exams) if plastic else self.newborn
        network = Network.of(newborn)
        being = AgentState(network, newborn, self.world, self.objective, self.lifetime.feedback, apart=plastic)
        streams = self.streams.stream(f"exam {self.split}")
        run = compiled_episodes.behave if self.compiled else behave
        if not plastic:
            return run(being, weights, streams, hidden, exams, forgetful=forgetful)
        weights = weights.repeated(exams)
        state = self.rule.init(network, newborn, weights, being.streams(self.own, exams))
        return run(being, weights, streams, hidden, exams, self.rule, state)

    def grown(self) -> tuple[Weights, ndarray, ndarray]:
        """Weights after the life; the main score of each of its episodes, (P, episodes); steps lived, (P,)."""
        if "grown" in self._known:
            return self._known["grown"]
        network, lifetime = Network.of(self.newborn), self.lifetime
        being = AgentState(network, self.newborn, self.world, self.objective, lifetime.feedback)
        weights = Weights.born(self.newborn)
        state = self.rule.init(network, self.newborn, weights, self.own)
        hidden, main = self.streams.stream("hidden"), self.world.score_names[0]
        curve, steps, run = [], np.zeros(self.newborn.lives), compiled_episodes.behave if self.compiled else behave
        for episode in range(lifetime.episodes):
            if episode and not lifetime.persist:
                weights = Weights.born(self.newborn)
                state = self.rule.init(network, self.newborn, weights, self.own)
            streams = self.streams.stream(f"episode {episode}")
            lived = run(being, weights, streams, hidden, lifetime.parallel, self.rule, state)
            weights, state = lived.weights, lived.state
            curve.append(lived.measured[main])
            steps += lived.steps.cpu().numpy()
        self._known["grown"] = weights, np.stack(curve, axis=1) if curve else np.zeros((len(steps), 0)), steps
        return self._known["grown"]
