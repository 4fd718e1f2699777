"""The parent of a driver: what it starts again, what it lets end, and that a driver's death changes no result."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evo.cli import main as cli
from evo.cli import supervisor
from evo.cli.parser import options_of
from evo.cli.supervisor import main, onward

SMALL = ["teacher", "--serial", "generations=4", "search.population=15", "cohort=3", "lifetime.steps=3"]

STUB = """
import os, signal, sys, time
from pathlib import Path
from evo.cli import main as cli
from evo.cli.driver_link import announce, announce_folder

def begin(name):
    folder = Path(name)
    announce_folder(folder)
    (folder / "generations").mkdir(parents=True, exist_ok=True)
    (folder / "manifest.json").write_text("")
    announce(begun=True)
    return folder

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def drive(words):
    with open("lives", "a") as lives:
        lives.write(" ".join(words) + "\\n")
    return live(words, len(open("lives").readlines()))

{live}
cli._run, cli._failures = drive, tuple  # the kinds of failure would load torch
sys.exit(cli.main())
"""
"""A driver of milliseconds; `live(words, life)` is what it does, `life` counting its lives from 1."""

QUICK = "import sys; from evo.cli import supervisor; supervisor.FIRST = 0.02; sys.exit(supervisor.main())"
"""The command with a shorter pause before it starts a driver again."""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """`stub(live)` puts a driver of milliseconds in the place of the real one; `stub.lives()`: what each was told."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(supervisor, "FIRST", 0.01)

    def make(live):
        monkeypatch.setattr(supervisor, "DRIVER", (sys.executable, "-c", STUB.format(live=live)))

    make.lives = lambda: [line.split() for line in Path("lives").read_text().splitlines()]
    return make


def command(words, where, **environment):
    """The command itself, as a process."""
    return subprocess.Popen(
        [sys.executable, "-c", QUICK, *words],
        cwd=where,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def driver_of(parent):
    """The driver that a command has started."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    return int(wait_for(lambda: parent.poll() is None and children.read_text().split())[0])


def wait_for(condition, timeout=100.0):
    until = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < until, "in vain"
        time.sleep(0.01)
    return found


def alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def generations(run):
    return {path.name: path.read_bytes() for path in sorted((run / "generations").glob("[!.]*"))}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    assert cli.main(["evolve", *SMALL, "--run", str(run)]) == 0
    return generations(run)


@pytest.mark.slow
@pytest.mark.parametrize("code", [0, 1, 2, 130, 143])
def test_an_end_on_purpose_is_the_end(code, stub, capfd):
    stub(f"def live(words, life): return {code}")
    assert main(["evolve", "teacher"]) == code
    assert len(stub.lives()) == 1
    assert "restart" not in capfd.readouterr().err


@pytest.mark.parametrize(
    ("death", "how"), [("die()", "killed by SIGKILL"), ("os._exit(0)", "exit code 0"), ("os._exit(1)", "exit code 1")]
)
def test_an_end_without_a_word_is_a_death_and_the_next_driver_resumes(death, how, stub, capfd):
    stub(f"def live(words, life):\n    if life > 1: return 0\n    begin('a run')\n    {death}")
    assert main(["evolve", "teacher", "--json", "--workers", "3", "--run", "a run"]) == 0
    assert stub.lives()[1] == ["resume", "a", "run", "--allow-code", "--json", "--workers", "3"]
    sentences = capfd.readouterr().err.splitlines()
    assert len(sentences) == 1
    assert f"{how}; in 0.01 s it continues from a run (restart 1 of at most 10" in sentences[0]


def test_resume_is_told_the_same_again(stub):
    stub("def live(words, life):\n    if life == 1: die()\n    return 0")
    words = ["resume", "runs/x", "--generations", "7", "--address", "auto"]
    assert main(words) == 0
    assert stub.lives() == [words, words]


@pytest.mark.slow
def test_who_gets_nowhere_is_given_up(stub, capfd):
    stub("def live(words, life):\n    begin('run')\n    Path(f'run/generations/.0.{life}.tmp').touch()\n    die()")
    assert main(["evolve", "teacher", "--serial"]) == 1
    assert len(stub.lives()) == 1 + supervisor.RESTARTS == 11
    last = capfd.readouterr().err.splitlines()[-1]
    assert "killed by SIGKILL; after 10 restarts without progress" in last
    assert "`instinct resume run --allow-code --serial` continues from there" in last


@pytest.mark.slow
@pytest.mark.parametrize(
    "place", ["generations/0000{life}.npz", "member/generations/{life}.npz", "journal", "m/journal"]
)
def test_a_driver_that_makes_progress_may_die_any_number_of_times(place, stub):
    stub(f"""
def live(words, life):
    if life == 9: return 0
    begin("run")
    path = Path("run") / f"{place}"
    path.parent.mkdir(exist_ok=True, parents=True)
    path.write_bytes(bytes(life))
    die()""")
    assert main(["evolve", "teacher"]) == 0
    assert len(stub.lives()) == 9


@pytest.mark.slow
def test_pauses_double_up_to_a_minute(stub, monkeypatch):
    pauses = []
    stub("def live(words, life): die()")
    monkeypatch.setattr(supervisor, "FIRST", 1.0)
    monkeypatch.setattr(supervisor, "RESTARTS", 8)
    monkeypatch.setattr(supervisor._Supervisor, "_pause", lambda self, seconds: pauses.append(seconds))
    assert main(["resume", "run"]) == 1
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["raise ClusterUnreachable('no cluster')", "raise RuntimeError('the raylet died')"])
def test_what_may_be_mended_is_tried_again_once_a_session_had_begun(fault, stub, capfd):
    live = (
        "from evo.distribution.cluster import ClusterUnreachable\ndef live(words, life):\n    if life > 3: return 0\n"
    )
    stub(f"{live}    if life == 1: begin('run'); die()\n    {fault}")
    assert main(["evolve", "teacher"]) == 0
    assert len(stub.lives()) == 4
    Path("lives").unlink()
    stub(f"{live}    {fault}")
    assert main(["evolve", "teacher"]) == (2 if "ClusterUnreachable" in fault else 1)
    assert len(stub.lives()) == 1, "what never worked is said once"
    assert "cluster" in fault or "RuntimeError: the raylet died" in capfd.readouterr().err


@pytest.mark.slow
def test_a_folder_that_was_made_and_not_begun_is_resumed(stub):
    stub("""
def live(words, life):
    if life > 1: return 0
    announce_folder(Path("run"))
    Path("run").mkdir()
    Path("run/set.json").touch()
    die()""")
    assert main(["evolve", "teacher", "--run", "run"]) == 0
    assert stub.lives()[1] == ["resume", "run", "--allow-code"]


@pytest.mark.slow
def test_a_folder_that_is_half_made_is_made_again(stub):
    stub("""
def live(words, life):
    announce_folder(Path("run"))
    Path("run/state").mkdir(parents=True)
    if life == 1: die()
    return 0""")
    words = ["evolve", "teacher", "--run", "run"]
    assert main(words) == 0
    assert stub.lives() == [words, words]


def test_a_folder_that_was_there_before_is_left_alone(stub):
    stub("""
def live(words, life):
    announce_folder(Path("run"))
    if life == 1: die()
    return 2""")
    Path("run").mkdir()
    Path("run/thesis.txt").touch()
    words = ["evolve", "teacher", "--run", "run"]
    assert main(words) == 2
    assert stub.lives() == [words, words]
    assert Path("run/thesis.txt").exists()


def test_what_a_dead_driver_leaves_behind_is_ended(stub):
    stub("""
def live(words, life):
    if life > 1: return 0
    import subprocess
    Path("left").write_text(str(subprocess.Popen(["sleep", "600"]).pid))
    die()""")
    assert main(["resume", "run"]) == 0
    wait_for(lambda: not alive(Path("left").read_text()))


def test_every_option_of_resume_is_passed_on():
    plain = vars(options_of(["resume", "x"]))
    for words in (["--json"], ["--serial"], ["--workers", "3"], ["--address", "auto"], ["--json", "--workers", "2"]):
        given = options_of(["evolve", "teacher", *words])
        passed = vars(options_of(onward(given, Path("x"))))
        assert {name for name in plain if passed[name] != plain[name]} == {
            "allow_code",
            *(word[2:] for word in words if word.startswith("--")),
        }
    shared = plain.keys() & vars(options_of(["evolve", "teacher"])).keys()
    known = {"json", "serial", "workers", "address", "allow_code", "run", "verb", "overrides"}
    assert shared == known, "a new option that both have: say here how it is passed on"


@pytest.mark.process
def test_the_parent_stays_small_and_wrong_input_is_wrong_once(tmp_path):
    code = (
        "import sys; from evo.cli import supervisor; code = supervisor.main()\n"
        "print(code, [name for name in ('ray', 'torch', 'numpy') if name in sys.modules])"
    )
    words = [sys.executable, "-c", code, "evolve", "teacher", "search.populaton=4"]
    asked = subprocess.run(words, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert asked.stdout == "2 []\n"
    assert len(asked.stderr.splitlines()) == 1
    assert "did you mean 'population'?" in asked.stderr
    assert not list(tmp_path.iterdir())


def test_other_verbs_run_in_this_process(capsys, monkeypatch):
    monkeypatch.setattr(supervisor, "DRIVER", ("nowhere",))
    assert main(["list", "configs"]) == 0
    assert "teacher" in capsys.readouterr().out
    assert main(["evolv"]) == 2
    with pytest.raises(SystemExit, match="0"):
        main(["evolve", "--help"])
    monkeypatch.setenv("INSTINCT_SUPERVISE", "0")
    assert main(["evolve", "digts"]) == 2
    assert capsys.readouterr().err.count("did you mean") == 2


@pytest.mark.process
def test_a_driver_that_is_killed_again_and_again_changes_nothing(tmp_path, undisturbed, held):
    run = tmp_path / "run"
    parent = command(["evolve", *SMALL, "--run", "run", "--json"], tmp_path, **held(0, 2))
    for generation in (0, 2):
        held.wait(generation)
        os.kill(driver_of(parent), signal.SIGKILL)
    out, err = parent.communicate(timeout=200)
    assert parent.returncode == 0, err
    assert generations(run) == undisturbed
    assert len(out.splitlines()) == 1, "one object, printed by the last driver"
    assert json.loads(out)["generations"] == 4
    assert err.count("killed by SIGKILL") == 2


@pytest.mark.process
def test_a_driver_that_always_dies_at_the_same_point(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import os, sys\n"
        "if 'evo.cli.main' in sys.orig_argv:\n"
        "    import evo.evolution.loop\n"
        "    evo.evolution.loop.generations = lambda *_: os._exit(1)\n"
    )
    words = ["evolve", *SMALL, "--run", "run"]
    code = f"from evo.cli import supervisor; supervisor.RESTARTS = 1; {QUICK}"
    asked = subprocess.run(
        [sys.executable, "-c", code, *words],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])},
        check=False,
    )
    assert asked.returncode == 1
    assert asked.stderr.count("the driver ended with exit code 1") == 2
    assert "`instinct resume run --allow-code --serial` continues from there" in asked.stderr.splitlines()[-1]


@pytest.mark.process
def test_a_driver_whose_parent_is_killed_stops_and_can_be_resumed(tmp_path, undisturbed, held):
    run = tmp_path / "run"
    parent = command(["evolve", *SMALL, "--run", "run"], tmp_path, **held(0))
    driver = driver_of(parent)
    held.wait(0)
    parent.kill()
    wait_for(lambda: not alive(driver))
    _, err = parent.communicate()
    assert "interrupted; finished work is saved" in err, "it stopped in an orderly way"
    assert len(generations(run)) == 1, "it did not go on to the end"
    assert cli.main(["resume", str(run), "--serial"]) == 0
    assert generations(run) == undisturbed


@pytest.mark.process
@pytest.mark.ray
def test_a_driver_whose_ray_breaks_goes_on_with_a_new_one(tmp_path, undisturbed, held):
    run = tmp_path / "run"
    words = [word for word in SMALL if word != "--serial"]
    parent = command(["evolve", *words, "--workers", "1", "--run", "run", "--json"], tmp_path, **held(0))
    held.wait(0)
    driver = driver_of(parent)
    raylet, *_ = [process for process in group(driver) if "raylet/raylet" in process[1]]
    os.kill(raylet[0], signal.SIGKILL)
    held.go()
    out, err = parent.communicate(timeout=240)
    assert parent.returncode == 0, err
    assert "restart 1 of at most 10" in err
    assert generations(run) == undisturbed
    assert json.loads(out)["generations"] == 4
    wait_for(lambda: not group(driver))


def group(leader):
    """Processes of a group and their command lines."""
    found = []
    for process in filter(str.isdecimal, os.listdir("/proc")):
        try:
            if os.getpgid(int(process)) == leader and alive(process):
                found.append((int(process), Path(f"/proc/{process}/cmdline").read_text()))
        except OSError:
            continue
    return found


@pytest.mark.process
def test_an_individual_that_kills_a_driver_without_workers_is_met_in_a_child(tmp_path):
    source = """
import os, signal
from dataclasses import dataclass
from genomes.evolve import Evolvable, Evolve
from inner_loop.rule import LearningRule

KIND = Evolve((0.0, 15.0), bits=4)

@dataclass(frozen=True)
class Deadly(LearningRule):
    kind_of_life: Evolvable = KIND

    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        if (newborn.traits["rule.kind_of_life"] >= 13).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return weights, state
"""
    (tmp_path / "deadly.py").write_text(source)
    words = [
        "evolve",
        "teacher",
        "--serial",
        "generations=2",
        "search={kind: RandomSearch, population: 12}",
        "cohort=6",
    ]
    words += ["lifetime.steps=2", "rule={kind: 'deadly:Deadly'}", "--run", "run", "--json"]
    asked = subprocess.run(
        [sys.executable, "-m", "evo.cli.supervisor", *words], cwd=tmp_path, capture_output=True, text=True, timeout=240
    )
    assert asked.returncode == 0, asked.stderr
    result = json.loads(asked.stdout.splitlines()[-1])
    assert result["why"].keys() == {"lost"}
    assert 1 <= result["failures"] <= 12
    assert asked.stderr.count("was killed by SIGKILL") == 1
