"""The verbs that read a run, as a user types them: what they print, what they write, and what they refuse."""

import io
import json
import signal
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import numpy as np
import pandas
import pytest

from evo.analysis.frames import innate_frame, knockout_frame
from evo.cli.analyses import _beside
from evo.cli.main import main
from evo.evolution.hall_of_fame import genome_frame
from evo.evolution.run import Run

pytestmark = pytest.mark.usefixtures("little_analyses")

SMALL = ["teacher", "--serial", "generations=2", "search.population=5", "cohort=9", "lifetime.steps=3"]
SMALL += ["topology.groups.senses.size=6", "topology.groups.hidden.size=5", "topology.groups.answer.size=3"]
SMALL += ["task.inputs_size=6", "task.hidden=4", "task.outputs_size=3", "encoding.genes=2"]
QUICK = ["--serial", "--draws", "19", "--births", "2"]
PROMISED = {
    "innate", "innate_ci", "learned", "random_founders", "shuffled", "standard_init", "p_random", "p_shuffled",
    "effective_bits", "genome_bits", "coded_bits", "births", "draws", "runs", "tests", "sentence",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("analysed") / "run"
    assert main(["evolve", *SMALL, "--run", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    path = tmp_path_factory.mktemp("analysed") / "set"
    assert main(["evolve", *SMALL, "--run", str(path), "--seeds", "3"]) == 0
    return path


def last_line(capsys):
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.fixture(scope="module")
def tested(run, tmp_path_factory):
    """Returns the JSON that `instinct innate` prints for the run, the folder that it wrote, and its messages."""
    folder, said, words = tmp_path_factory.mktemp("innate"), io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(words):
        assert main(["innate", str(run), *QUICK, "--out", str(folder), "--json"]) == 0
    return said.getvalue().splitlines()[-1], folder, words.getvalue()


@pytest.mark.slow
def test_innate_prints_the_promised_numbers_and_writes_them(tested):
    line, folder, _ = tested
    told = json.loads(line)
    assert set(told) >= PROMISED
    assert told["innate_ci"][0] <= told["innate"] <= told["innate_ci"][1]
    assert told["draws"] == 19
    assert told == json.loads((folder / "innate.json").read_text())
    scores = pandas.read_csv(folder / "tables" / "innate-scores.csv")
    at_birth = scores[(scores["network"] == "evolved genome") & (scores["condition"] == "at birth")]
    assert at_birth["mean"].item() == told["innate"]
    for ending in ("svg", "pdf", "png"):
        assert (folder / "figures" / f"innate-nulls.{ending}").stat().st_size > 1000
    assert (folder / "figures" / "size-size.svg").is_file()


@pytest.mark.slow
def test_innate_says_one_sentence_first_and_where_its_files_are(tested):
    _, folder, words = tested
    said = [line for line in words.splitlines() if not line.startswith("  ") and line]
    assert said[0].startswith("In this run the evolved genome scores ")
    assert "random founders" in said[0]
    assert "after learning" in said[0]
    assert f"numbers: {folder}/innate.json" in words


def test_a_run_is_written_to_itself(run):
    assert _beside([run], "innate") == run
    assert _beside([run / "best.npz"], "innate") == run / "best-innate"


@pytest.mark.ray
@pytest.mark.usefixtures("no_pictures")
def test_ray_says_the_same_to_the_byte(run, capsys, tmp_path, tested, ray_executor):
    assert main(["innate", str(run), *QUICK[1:], "--workers", "2", "--out", str(tmp_path), "--json"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == tested[0]


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_several_runs_are_counted_and_not_their_births(seeds, capsys, tmp_path):
    two = [str(seeds / "seed-0"), str(seeds / "seed-1")]
    assert main(["innate", *two, *QUICK, "--out", str(tmp_path), "--json"]) == 0
    told = last_line(capsys)
    assert told["runs"] == 2
    assert told["sentence"].startswith("In 2 runs the evolved genomes")
    runs = pandas.read_csv(tmp_path / "tables" / "innate-runs.csv")
    each = runs[runs["condition"] == "at birth"].drop_duplicates("run")["mean"]
    assert len(each) == 2
    assert told["innate"] == pytest.approx(each.mean())
    half = 12.706205 * each.std() / np.sqrt(2)
    low, high = told["innate_ci"]  # of runs and of the samples that they share: wider than Student's t over runs alone
    assert 1.05 * half >= each.mean() - low >= half
    assert 1.05 * half >= high - each.mean() >= half


@pytest.mark.slow
@pytest.mark.usefixtures("no_pictures")
def test_another_task_and_a_file_of_weights(run, capsys, tmp_path, tested):
    assert main(["innate", str(run), "task.teacher_seed=5", *QUICK, "--out", str(tmp_path), "--json"]) == 0
    elsewhere = last_line(capsys)
    assert "did not evolve in" in elsewhere["sentence"]
    assert (tmp_path / "innate-elsewhere.json").is_file()
    exported, config = tmp_path / "best.npz", run / "experiment.yaml"
    assert main(["export", str(run), "--to", "npz", "--out", str(exported)]) == 0
    assert main(["innate", str(exported), "--config", str(config), *QUICK, "--json"]) == 0
    of_file = last_line(capsys)
    assert of_file["innate"] == json.loads(tested[0])["innate"] != elsewhere["innate"]
    assert (tmp_path / "best-innate" / "innate.json").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("rough_pictures")
def test_inspect_writes_a_page_with_every_section_and_its_files(run, capsys, seeds, tmp_path):
    responses = np.random.default_rng(0).normal(size=(12, 7))
    np.savez(tmp_path / "responses.npz", responses=responses, stimuli=np.arange(12))
    more = ["--other", str(seeds / "seed-2"), "--measured", str(tmp_path / "responses.npz")]
    assert main(["inspect", str(run), *QUICK, *more, "--json"]) == 0
    told = last_line(capsys)
    page = (run / "report.html").read_text()
    assert told["report"] == str(run / "report.html")
    for key in ("innate", "ladder", "hot-start", "robustness", "size", "rules", "knock-outs", "cross-fostering"):
        assert f'id="{key}"' in page, key
    for key in ("wiring", "evolution", "life"):
        assert f'id="{key}"' in page, key
    found = json.loads((run / "report.json").read_text())
    assert len(found["rules"]["rules"]) == len(pandas.read_csv(run / "tables" / "rules-rules.csv"))
    assert (run / "graphs" / "wiring-neurons.graphml").is_file()
    assert (run / "tables" / "life-measured.csv").is_file()
    assert told["sentence"] in page
    assert "Over 9 births no weight varies" in page, "its own birth and 8 further ones, whatever --births says"
    explained = (Path(__file__).parents[3] / "docs" / "logged-numbers.md").read_text(encoding="utf-8")
    columns = {c for file in (run / "tables").glob("*.csv") for c in pandas.read_csv(file, nrows=1).columns}
    assert [column for column in sorted(columns) if f"- **{column}**:" not in explained] == []


@pytest.mark.slow
def test_a_run_as_frames(run):
    opened = Run(run)
    knocked, tested = knockout_frame(opened, births=2), innate_frame(opened, births=2, draws=19)
    assert len(knocked) > 4
    assert {"network", "condition", "mean", "low", "high", "p"} <= set(tested.columns)
    assert len(genome_frame(opened)) == 10


def test_measurements_that_do_not_fit_are_refused_before_anything_is_examined(run, capsys, tmp_path):
    np.savez(tmp_path / "bad.npz", respones=np.ones((3, 3)))
    assert main(["inspect", str(run), *QUICK, "--measured", str(tmp_path / "bad.npz")]) == 2
    said = capsys.readouterr()
    assert "expected responses or dissimilarity" in said.err
    assert "cohorts" not in said.out


def test_one_run_twice_is_not_two_runs(run, capsys):
    assert main(["innate", str(run), str(run), *QUICK]) == 2
    assert "innate: expected every run once, got" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("rough_pictures")
def test_compare_sets_runs_side_by_side(seeds, run, capsys):
    assert main(["compare", str(seeds), "--json"]) == 0
    told = last_line(capsys)["compare"]
    assert {row["seeds"] for row in told["conditions"]} == {3}
    assert {"innate", "learned", "gain", "genome bits"} <= {row["measure"] for row in told["conditions"]}
    assert len(told["runs"]) == 3
    assert (seeds / "compare.html").read_text().count("<svg") >= 2
    assert (seeds / "tables" / "compare-runs.csv").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("rough_pictures")
def test_a_sweep_makes_a_set_and_resume_goes_on_with_it(tmp_path, capsys):
    path = tmp_path / "set"
    sweep = [*SMALL[:-1], "sweep.encoding.genes=[1, 2]", "--seeds", "2", "--run", str(path)]
    assert main(["evolve", *sweep, "--json"]) == 0
    told = last_line(capsys)
    assert list(told["runs"]) == ["genes-1_seed-0", "genes-1_seed-1", "genes-2_seed-0", "genes-2_seed-1"]
    assert main(["resume", str(path), "--generations", "3", "--serial", "--json"]) == 0
    assert {one["generations"] for one in last_line(capsys)["runs"].values()} == {3}
    assert main(["compare", str(path), "--json"]) == 0
    told = last_line(capsys)["compare"]
    assert {row["condition"] for row in told["conditions"]} == {"encoding.genes=1", "encoding.genes=2"}
    assert {row["key"] for row in told["keys"]} == {"encoding.genes"}


def spoiled(run, tmp_path, how):
    import shutil

    path = tmp_path / "spoiled"
    shutil.copytree(run, path)
    how(path)
    return path


def cut(path: Path) -> None:
    file = path / "generations" / "00001.npz"
    file.write_bytes(file.read_bytes()[:-7])


def other_version(path: Path) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"format": 99}))


def no_genome(path: Path) -> None:
    for file in (path / "generations").iterdir():
        file.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["innate", "inspect", "compare"])
@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (cut, "00001.npz: expected bytes that match the checksum"),
        (other_version, "expected a run in format 2, got format 99, of another version of instinct"),
        (no_genome, "expected at least one finished generation, got 0"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_and_exit_2(run, seeds, tmp_path, capsys, verb, how, sentence):
    path = spoiled(run, tmp_path, how)
    options = [str(seeds / "seed-1")] if verb == "compare" else QUICK
    assert main([verb, str(path), *options]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["innate", "no-such-run"], "no-such-run: expected a run folder"),
        (["inspect", "no-such-run"], "no-such-run: expected a run folder, got nothing there"),
        (["compare", "no-such-run"], "no-such-run: expected a run folder"),
        (["inspect", "SET"], "expected a run, got a set; name one of its runs, or use instinct compare"),
        (["inspect", "RUN/manifest.json"], "expected a run, got a file, which has no evolution; use instinct innate"),
        (["innate"], "the following arguments are required: RUN"),
        (["innate", "RUN", "--draws", "5"], "--draws: expected at least 19: with fewer no p can be .05, got 5"),
        (["innate", "RUN", "--births", "0"], "argument --births: expected a whole number of at least 1, got '0'"),
        (["innate", "RUN", "--episodes", "4"], "--episodes: expected a world"),
        (["innate", "RUN", "--genomes", "front"], "--genomes: expected best or a number: this search keeps no front"),
        (["innate", "RUN", "task.measurd=3"], "command line: task.measurd: no such key in Teacher"),
        (["innate", "RUN", "encoding.genes=3"], "expected an experiment whose genome is the run's own"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_2(run, seeds, capsys, arguments, sentence):
    words = [word.replace("RUN", str(run)).replace("SET", str(seeds)) for word in arguments]
    assert main([*words, *(["--serial"] if words[0] != "compare" else [])]) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1
