"""The command as a user types it."""

import io
import json
import shutil
import signal
from contextlib import contextmanager, redirect_stdout
from pathlib import Path

import numpy as np
import pytest

from evo.cli import main as cli
from evo.cli.main import main
from evo.evolution import offspring as bred
from evo.evolution.run import Run
from evo.storage.run_folder import RunFolder

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=3", "lifetime.steps=3"]
RESULT = {
    "run", "generations", "lifetimes", "seconds", "failures", "why", "genome_bits", "wiring_bits", "founders_innate",
    "innate", "learned", "founders", "best", "held_out",
}  # fmt: skip


@contextmanager
def handlers_kept():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _handlers():
    with handlers_kept():
        yield


@pytest.fixture(scope="module")
def evolved(tmp_path_factory):
    """A run that evolves once for all tests, which take copies, and what was printed of it."""
    run, printed = tmp_path_factory.mktemp("evolved") / "run", io.StringIO()
    with handlers_kept(), redirect_stdout(printed):
        assert main(["evolve", *SMALL, "--run", str(run)]) == 0
    return run, printed.getvalue()


@pytest.fixture
def finished(evolved, tmp_path):
    return shutil.copytree(evolved[0], tmp_path / "run")


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.slow
def test_evolve_prints_one_object_as_the_last_line(tmp_path, capsys):
    assert main(["evolve", *SMALL, "--run", str(tmp_path / "run"), "--json"]) == 0
    result = last_line(capsys)
    assert set(result) == RESULT
    assert result["generations"] == 2
    assert result["lifetimes"] == 10
    assert result["genome_bits"] < result["wiring_bits"] == 800 * 32
    assert result == json.loads((tmp_path / "run" / "result.json").read_text())


def test_evolve_says_where_the_results_are_and_draws_them(evolved):
    finished, words = evolved
    assert f"results: {finished}" in words
    assert words.count("generation ") >= 2
    assert (finished / "figures" / "evolution.png").read_bytes()[:4] == b"\x89PNG"
    assert "after learning" in (finished / "figures" / "evolution.svg").read_text()


def test_the_result_is_that_of_the_best_genome_on_the_test_split(finished):
    run, result = Run(finished), json.loads((finished / "result.json").read_text())
    best = run.best()
    scores = [run.generation(i).measurements for i in run.generations]
    sums = [m["innate.explained_variance"] + m["learned.explained_variance"] for m in scores]
    assert best.innate + best.learned == max(s.max() for s in sums)
    again = run.examine(best, "test").measurements
    assert result["innate"] == again["innate.explained_variance"][0]
    assert result["learned"] == again["learned.explained_variance"][0]
    selection = run.examine(best, "selection").measurements
    assert selection["innate.explained_variance"][0] == best.innate
    assert selection["learned.explained_variance"][0] == best.learned
    assert result["innate"] != best.innate


@pytest.mark.slow
def test_resume_adds_generations(finished, capsys):
    assert main(["resume", str(finished), "--serial", "--generations", "3", "--json"]) == 0
    assert last_line(capsys)["generations"] == 3
    assert list(Run(finished).history().index) == [0, 1, 2]
    assert main(["resume", str(finished), "--generations", "1"]) == 2
    assert "at least 3" in capsys.readouterr().err


@pytest.mark.slow
def test_resume_takes_no_other_experiment_and_names_what_differs(finished, capsys):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file() and p.name != "lock"}
    words = ["resume", str(finished), "--serial"]
    assert main([*words, "search.population=99", "generations=4"]) == 2
    sentence = capsys.readouterr().err
    for part in ("search.population was 5 and is now 99", "generations was 2 and is now 4", "--generations 4"):
        assert part in sentence
    assert len(sentence.splitlines()) == 1
    assert main([*words, "search.populaton=99"]) == 2
    assert "did you mean 'population'" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in before} == before
    assert main([*words, "search.population=5"]) == 0, "it says what the run began with"


@pytest.mark.slow
def test_runs_are_numbered(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        assert main(["evolve", *SMALL, "generations=1", "--json"]) == 0
        assert last_line(capsys)["run"] == f"runs/teacher-00{number}"


@pytest.mark.parametrize("kind", ["npz", "csv", "graphml", "torch"])
def test_export(finished, kind, capsys):
    assert main(["export", str(finished), "--to", kind, "--json"]) == 0
    written, newborn = last_line(capsys)["file"], Run(finished).phenotype(Run(finished).best())
    weights = [newborn.projections[e.name].weight[0].double().numpy() for e in newborn.topology.edges]
    if kind == "npz":
        with np.load(written, allow_pickle=False) as arrays:
            assert np.array_equal(arrays["weight.senses -> hidden"], weights[0])
            assert arrays["levels"].shape == Run(finished).best().levels.shape
    elif kind == "csv":
        rows = [line.split(",") for line in Path(written).read_text().splitlines()]
        assert rows[0] == ["pre_group", "pre", "post_group", "post", "weight"]
        assert sum(float(row[4]) for row in rows[1:]) == pytest.approx(sum(w.sum() for w in weights), abs=1e-4)
        assert len(rows) == 801
    elif kind == "graphml":
        import networkx

        graph = networkx.read_graphml(written)
        assert (graph.number_of_nodes(), graph.number_of_edges()) == (60, 800)
        assert graph.edges["senses/3", "hidden/2"]["weight"] == pytest.approx(weights[0][2, 3])
    else:
        import torch

        state = torch.load(written, weights_only=True)
        assert np.allclose(state["weights.0"].numpy(), weights[0])


def test_list(capsys):
    assert main(["list", "--json"]) == 0
    listed = last_line(capsys)
    assert {
        "encodings",
        "neurons",
        "rules",
        "objectives",
        "tasks",
        "worlds",
        "targets",
        "goals",
        "searches",
        "configs",
        "compiled",
    } == set(listed)
    assert {"Backprop", "CartPole", "CrossEntropy", "Frozen"} <= set(listed["compiled"])
    assert not {"Gymnasium", "WiringCost"} & set(listed["compiled"])
    assert "Backprop" in listed["rules"]
    assert listed["configs"]["digits"]
    assert main(["list", "searches"]) == 0
    assert "NSGA2" in capsys.readouterr().out
    assert main(["list", "rule"]) == 2
    assert "did you mean 'rules'" in capsys.readouterr().err


def test_check_says_what_holds(capsys):
    assert main(["check", "Genetic", "--json"]) == 0
    assert len(last_line(capsys)["holds"]) >= 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["evolv"], "no verb 'evolv'; did you mean 'evolve'?"),
        (["evolve", "digts"], "did you mean 'digits'?"),
        (["evolve", "teacher", "--sereal"], "unknown argument '--sereal'"),
        (["evolve", "teacher", "--workers", "0"], "at least 1, got '0'"),
        (["evolve", "teacher", "search.populaton=4"], "did you mean 'population'?"),
        (["evolve", "teacher", "topology.groups.senses.size=7"], "30 units, the inputs of Teacher, got 7"),
        (["evolve", "digits", "task={kind: Arrays, path: nowhere.npz}"], "nowhere.npz"),
        (["resume", "nowhere"], "expected a run folder"),
        (["export", "nowhere", "--to", "npz"], "expected a run folder"),
        (["check", "Hebian"], "did you mean 'Hebbian'"),
        (["list", "thing", "more"], "unknown argument 'more'"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence_and_exits_2(words, sentence, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    assert "Traceback" not in printed.err
    assert len(printed.err.splitlines()) == 1
    assert not list(tmp_path.iterdir()), "nothing was left behind"


def test_a_run_that_is_there_is_not_written_over(finished, capsys):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    assert main(["evolve", *SMALL, "--run", str(finished)]) == 2
    assert "instinct resume" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize("package", ["instinct", "torch", "numpy", "deap"])
def test_a_run_of_another_version_is_not_gone_on_with(package, finished, capsys):
    folder = RunFolder.open(finished)
    folder.write_manifest(folder.manifest | {"versions": folder.manifest["versions"] | {package: "0.0.1"}})
    assert main(["resume", str(finished), "--serial"]) == 2
    assert f"install {package}==0.0.1 to continue" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 143)])
def test_interrupted_and_resumed(number, code, evolved, tmp_path, monkeypatch, capsys):
    run, real = tmp_path / "run", bred.joined

    def interrupted(outcomes):
        if len(Run(run).generations) == 1:
            signal.raise_signal(number)
        return real(outcomes)

    monkeypatch.setattr(bred, "joined", interrupted)
    assert main(["evolve", *SMALL, "--run", str(run)]) == code
    words = f"instinct: interrupted; finished work is saved, `instinct resume {run}` continues from there\n"
    assert capsys.readouterr().err == words
    monkeypatch.setattr(bred, "joined", real)
    assert len(Run(run).folder.journal.read(1)) == 2, "the cohorts that were finished are not lived again"
    assert main(["resume", str(run), "--serial", "--json"]) == 0
    undisturbed, _ = evolved
    for name in ("00000.npz", "00001.npz"):
        assert (run / "generations" / name).read_bytes() == (undisturbed / "generations" / name).read_bytes()


def test_a_cluster_that_is_not_there_leaves_no_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    few = [word for word in SMALL if word != "--serial"]
    assert main(["evolve", *few, "--address", "127.0.0.1:1"]) == 2
    assert "no cluster answers there" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_run_in_which_nobody_lives_fails_with_a_sentence(tmp_path, capsys):
    broken = [*SMALL, "encoding.gain=1e30", "rule.learning_rate=1e30"]
    assert main(["evolve", *broken, "--run", str(tmp_path / "run")]) == 1
    assert "generation 1: all 5 individuals failed (5 nan)" in capsys.readouterr().err


@pytest.mark.slow
def test_code_of_ones_own_runs_and_in_a_folder_must_be_allowed(tmp_path, monkeypatch, capsys):
    source = """
from dataclasses import dataclass
from inner_loop.rule import LearningRule

@dataclass(frozen=True)
class Nothing(LearningRule):
    def init(self, network, newborn, weights, streams):
        return ()

    def step(self, network, weights, state, lived, newborn):
        return weights, state
"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "rules_of_mine.py").write_text(source)
    assert main(["evolve", *SMALL, "--run", "run", "rule={kind: 'rules_of_mine:Nothing'}", "--json"]) == 0
    result = last_line(capsys)
    assert result["innate"] == result["learned"]
    assert main(["resume", "run", "--serial", "--generations", "3"]) == 2
    assert "--allow-code" in capsys.readouterr().err
    assert main(["resume", "run", "--serial", "--generations", "3", "--allow-code"]) == 0


@pytest.mark.process
def test_help_does_not_load_torch():
    import subprocess
    import sys

    code = "import sys; sys.argv = ['instinct', 'list', '--help']\nimport evo.cli.main\n"
    code += "try: evo.cli.main.main()\nexcept SystemExit: print('torch' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert asked.stdout.splitlines()[-1] == "False"
    assert cli.WRONG == 2


def test_an_interruption_that_ray_wrapped_is_one_nevertheless(monkeypatch, capsys):
    def waiting(words):
        try:
            signal.raise_signal(signal.SIGTERM)
        except (
            cli.Interrupted
        ) as interruption:  # what Ray's compiled code does when it hears of a signal while it waits
            raise SystemError("CoreWorker.wait returned a result with an exception set") from interruption

    monkeypatch.setattr(cli, "_run", waiting)
    assert main(["list"]) == 143
    assert capsys.readouterr().err == "instinct: interrupted\n"


@pytest.mark.slow
def test_a_finished_run_is_said_to_be_finished(finished, capsys):
    assert main(["resume", str(finished), "--serial"]) == 0
    assert f"run {finished}, all of its 2 generations done: " in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_at_a_url_is_called_by_its_url(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    url = f"file://{tmp_path}/there"
    for verb in ("resume", "inspect"):
        assert main([verb, url]) == 2
        assert capsys.readouterr().err == f"instinct: {url}: expected a run folder, got nothing there\n"
    assert main(["evolve", *SMALL, "--run", url]) == 0
    words = capsys.readouterr().out
    assert f"run {url}, from generation 1 of 2" in words
    assert f"results: {url}  picture: {tmp_path / 'cache'}" in words
    assert main(["evolve", *SMALL, "--seeds", "1", "--run", f"{url}-set"]) == 0
    assert f"the set: {url}-set; instinct compare {url}-set compares its runs" in capsys.readouterr().out


def test_what_is_there_already_is_named_without_quotes(finished, tmp_path, capsys):
    archive = tmp_path / "run.zip"
    assert main(["pack", str(finished), "--out", str(archive)]) == 0
    assert main(["pack", str(finished), "--out", str(archive)]) == 2
    assert "expected a new file, got an existing file; choose another --out" in capsys.readouterr().err
    assert main(["unpack", str(archive)]) == 2
    assert "expected a new or empty folder, got an existing one; choose another --run" in capsys.readouterr().err
