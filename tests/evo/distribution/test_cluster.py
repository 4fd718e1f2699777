"""Attaching to a cluster succeeds or ends with one sentence; nodes join, and a user's modules travel to them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from evo.distribution import cluster
from evo.distribution.cluster import Cluster, ClusterUnreachable, reach
from evo.distribution.user_modules import Modules, own_modules, travelling
from evo.evaluation.numerics import variables
from genomes.errors import InputError

TOKEN = "5a" * 32
ROOT = Path(__file__).resolve().parents[3]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**more):
    """Without anything of Ray that this process has set for its own."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return own | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"} | more


class Raylets:
    """A head and its nodes, one core each; ended with exactly the processes that they started."""

    def __init__(self, folder):
        self.address, self.started, self.folder = f"127.0.0.1:{free_port()}", [], folder
        port = self.address.rpartition(":")[2]
        self._start("--head", f"--port={port}", f"--temp-dir={folder}/ray", "--include-dashboard=false")

    def join(self):
        self._start(f"--address={self.address}")

    def _start(self, *options):
        command = [str(Path(sys.executable).with_name("ray")), "start", "--num-cpus=1", "--num-gpus=0", "--block"]
        with open(f"{self.folder}/log", "ab") as log:
            self.started.append(
                subprocess.Popen(
                    [*command, "--node-ip-address=127.0.0.1", *options],
                    env=environment(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=TOKEN),
                    cwd=self.folder,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def stop(self):
        for node in reversed(self.started):
            node.terminate()  # it ends whatever it started
        for node in self.started:
            try:
                node.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(node.pid, signal.SIGKILL)
                node.wait()


@pytest.fixture(scope="module")
def raylets():
    folder = tempfile.mkdtemp(prefix="ray", dir="/tmp")  # the path of a socket is short
    nodes = Raylets(folder)
    deadline = time.monotonic() + 200
    try:
        while "Ray runtime started" not in Path(folder, "log").read_text():
            assert time.monotonic() < deadline, Path(folder, "log").read_text()
            time.sleep(0.2)
        yield nodes
    finally:
        nodes.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def unset(monkeypatch, tmp_path):
    """No token anywhere, and a home of its own."""
    for name in [name for name in os.environ if name.startswith("RAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return monkeypatch


@pytest.mark.parametrize("client", ["", "ray://"])
def test_an_address_without_a_cluster_is_a_sentence_at_once(client, monkeypatch):
    monkeypatch.setattr(cluster, "_installed", lambda module: True)
    monkeypatch.setattr(cluster.subprocess, "run", lambda *_, **__: pytest.fail("Ray tries for a long time"))
    with pytest.raises(ClusterUnreachable, match=r"^\S+: no cluster answers there: .*refused"):
        reach(f"{client}127.0.0.1:{free_port()}")


def test_a_client_without_its_package_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr(cluster, "_installed", lambda module: module != "grpc")
    with pytest.raises(ClusterUnreachable, match=r"pip install 'ray\[client\]'"):
        reach("ray://127.0.0.1:10001")


@pytest.mark.parametrize("address", ["localhost", "http://127.0.0.1:8265", "127.0.0.1:port", ""])
def test_what_is_no_address_is_said(address, refused):
    with refused("HOST:PORT", repr(address)):
        reach(address)


@pytest.mark.slow
def test_a_silent_address_is_not_waited_for(monkeypatch, unset):
    monkeypatch.setattr(cluster, "_PROBE", 1.0)
    sentence = "no cluster accepts this process within 1 s"
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(ClusterUnreachable, match=sentence):
        reach(f"127.0.0.1:{silent.getsockname()[1]}")


ALONE = ["unshare", "--pid", "--fork", "--mount-proc"]  # Ray looks for others among the processes of the machine


@pytest.mark.process
@pytest.mark.skipif(
    shutil.which("unshare") is None or subprocess.run([*ALONE, "true"], capture_output=True).returncode != 0,
    reason="needs processes of its own, which only root can have",
)
def test_auto_without_a_cluster_is_a_sentence(tmp_path):
    attach = "from evo.distribution.cluster import reach; reach('auto')"
    ran = subprocess.run(
        [*ALONE, sys.executable, "-c", attach],
        env=environment(RAY_TMPDIR=str(tmp_path)),
        capture_output=True,
        text=True,
    )
    assert ran.stderr.splitlines()[-1].endswith(
        "auto: no cluster runs on this machine; give HOST:PORT or set RAY_ADDRESS"
    )


SAID = {
    "RuntimeError: Version mismatch: The cluster was started with:\n    Ray: 2.59.0": "differs from this one: The",
    "Could not find any running Ray instance. Please specify": "no cluster runs on this machine",
    "RuntimeError: No node info found matching attributes: '' when trying": "this machine is no node",
    "rpc error: InvalidAuthToken: Authentication token is missing or incorrect": "RAY_AUTH_TOKEN",
    "UserWarning\nConnectionError: ray client connection timeout": "RAY_AUTH_TOKEN",
    "Traceback\nRuntimeError: of an unforeseen kind": "of an unforeseen kind",
}


@pytest.mark.parametrize("said", SAID)
def test_ray_s_words_become_one_sentence(said):
    sentence = str(cluster._reason("10.0.0.1:6379", said))
    assert sentence.startswith("10.0.0.1:6379: ")
    assert SAID[said] in sentence
    assert "\n" not in sentence


def test_a_ray_of_our_own_has_a_token_that_is_nowhere_written(unset, tmp_path):
    cluster._use_token(own=True)
    assert os.environ["RAY_AUTH_MODE"] == "token"
    first = os.environ.pop("RAY_AUTH_TOKEN")
    assert len(first) == 64
    cluster._use_token(own=True)
    assert os.environ["RAY_AUTH_TOKEN"] != first
    assert not (tmp_path / ".ray").exists()


def test_a_cluster_is_shown_the_token_that_is_configured_and_no_other(unset, tmp_path):
    cluster._use_token(own=False)
    assert not any(name.startswith("RAY_AUTH") for name in os.environ)
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray" / "auth_token").write_text(TOKEN)
    cluster._use_token(own=False)
    assert os.environ["RAY_AUTH_MODE"] == "token"
    assert "RAY_AUTH_TOKEN" not in os.environ
    unset.setenv("RAY_AUTH_MODE", "disabled")  # the user's own word holds
    unset.setenv("RAY_AUTH_TOKEN", TOKEN)
    cluster._use_token(own=False)
    assert os.environ["RAY_AUTH_MODE"] == "disabled"


def test_where_a_cluster_is_looked_for(unset):
    assert not Cluster().attached
    unset.setenv("RAY_ADDRESS", "10.0.0.1:6379")
    assert Cluster().attached
    assert not Cluster(workers=2).attached
    assert not Cluster(address="local").attached
    assert Cluster(address="auto").attached


def test_variables_that_decide_last_bits_travel(monkeypatch):
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    assert variables()["MKL_CBWR"] == "COMPATIBLE"
    assert "ATEN_CPU_CAPABILITY" not in variables()


def process():
    return os.getpid()


@pytest.mark.ray
def test_a_ray_of_this_process(ray_executor, small):
    with Cluster(1) as ours:
        (node,) = ours.nodes()
        assert node.cpus == 2
        assert (ours.capacity("cpu"), ours.capacity("cuda:0")) == (1, node.gpus)
        task = ours.task(process, "cpu", small())
        assert ours.away_from(task, [node.id]) is task  # there is no other
    import ray

    assert ray.get(task.remote()) != os.getpid()
    assert ray.is_initialized()


# a stranger's package of two modules; one is imported only when it is needed
OWN = {
    "__init__.py": "from own_rules.rule import Mine",
    "rule.py": """
        from dataclasses import dataclass
        from functools import lru_cache
        from typing import final

        from inner_loop.plasticity.descent import GradientDescent

        @lru_cache
        def groups(incoming):
            from own_rules.deep.choice import chosen
            return chosen(incoming)

        @final
        @dataclass(frozen=True)
        class Mine(GradientDescent):
            def init(self, network, newborn, weights, streams):
                assert groups(tuple(network.incoming)) == (network.output,)
                return super().init(network, newborn, weights, streams)
    """,
    "deep/choice.py": "def chosen(groups): return groups[-1:]",
    "deep/__init__.py": "",
}


@pytest.fixture
def own(tmp_path):
    for name, text in OWN.items():
        path = tmp_path / "elsewhere" / "own_rules" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path / "elsewhere"


@pytest.fixture
def imported(own, monkeypatch):
    monkeypatch.syspath_prepend(own)
    yield own
    for name in [name for name in sys.modules if name.partition(".")[0] == "own_rules"]:
        del sys.modules[name]


def test_the_house_s_own_classes_need_no_luggage(small):
    assert own_modules(small()) == ()
    assert travelling(process, small()) is process


def test_every_module_of_a_stranger_s_package_travels(imported, small):
    from own_rules import Mine

    names = [name for name, _, _ in own_modules(small(rule=Mine(0.1)))]
    assert {"own_rules", "own_rules.rule", "own_rules.deep", "own_rules.deep.choice"} <= set(names)
    assert not [name for name in names if name.partition(".")[0] in ("evo", "genomes", "numpy", "torch", "dataclasses")]


def test_modules_that_travelled_are_imported_from_memory(monkeypatch):
    monkeypatch.setattr(
        sys, "meta_path", [Modules((("far.away", "/home/a/far/away.py", "x = __file__"),)), *sys.meta_path]
    )
    from far.away import x

    assert x == "/home/a/far/away.py"
    del sys.modules["far.away"], sys.modules["far"]


def test_too_much_luggage_is_refused(monkeypatch):
    from evo.distribution import user_modules as luggage

    @dataclass(frozen=True)
    class Holder:
        thing: object

    monkeypatch.setattr(luggage, "_MOST_SOURCE", 10)
    with pytest.raises(InputError, match="modules to send"):
        own_modules(Holder(1))


@pytest.mark.process
@pytest.mark.ray
def test_a_wrong_or_missing_token_is_called_a_token(raylets, unset):
    unset.setattr(cluster, "_PROBE", 200.0)  # Ray itself gives up, and says why
    with pytest.raises(ClusterUnreachable, match="token is missing or not the cluster's"):
        reach(raylets.address)
    unset.setenv("RAY_AUTH_MODE", "token")
    unset.setenv("RAY_AUTH_TOKEN", "00" * 32)
    with pytest.raises(ClusterUnreachable, match="token is missing or not the cluster's"):
        reach(raylets.address)


JOINED = """
import json, sys, time
sys.path.append(sys.argv[2])
from dataclasses import replace
from own_rules import Mine
from evo.distribution.cluster import Cluster
from evo.experiment.config import load
from evo.cli.doctor import _lived
from evo.evaluation.cohort import cohorts
from evo.search.base import founders
from genomes.streams import derive

experiment = replace(load("teacher", ("lifetime.steps=5", "cohort=4")), rule=Mine(0.1))
spec = experiment.genome.spec
(cohort,) = cohorts(0, spec.quantise(founders(4, spec, derive(0, "founders"))), 4)
said = {"here": _lived(experiment, cohort).hex()}

def where():
    import os, ray, sys
    return ray.get_runtime_context().get_node_id(), os.environ.get("MKL_CBWR"), "torch" in sys.modules

with Cluster(address=sys.argv[1]) as cluster:
    import ray

    said["before"] = cluster.capacity("cpu")
    print("attached", file=sys.stderr, flush=True)
    while cluster.capacity("cpu") < 2:
        time.sleep(0.2)
    said["after"] = cluster.capacity("cpu")
    nodes = [node.id for node in cluster.nodes()]
    try:
        ray.get(ray.remote(num_cpus=1, max_retries=0)(_lived).remote(experiment, cohort))
    except Exception as error:
        said["without luggage"] = str(error)
    task = cluster.task(_lived, "cpu", experiment)
    said["there"] = [ray.get(cluster.on(task, node).remote(experiment, cohort)).hex() for node in nodes]
    task = cluster.task(where, "cpu", experiment)
    said["kept off"] = [ray.get(cluster.away_from(task, [node]).remote())[0] != node for node in nodes for _ in "ab"]
    said["seen"] = ray.get(cluster.away_from(task, nodes).remote())
print(json.dumps(said))
"""


@pytest.mark.process
@pytest.mark.ray
def test_a_node_joins_and_a_stranger_s_package_lives_there(raylets, own):
    with subprocess.Popen(
        [sys.executable, "-c", JOINED, raylets.address, str(own)],
        env=environment(RAY_AUTH_TOKEN=TOKEN, MKL_CBWR="COMPATIBLE"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as driver:
        first = driver.stderr.readline()
        assert first == "attached\n", first + driver.stderr.read()
        raylets.join()
        out, errors = driver.communicate(timeout=600)
    assert driver.returncode == 0, errors
    said = json.loads(out.splitlines()[-1])
    assert (said["before"], said["after"]) == (1, 2)
    assert "No module named 'own_rules'" in said["without luggage"]
    assert said["there"] == [said["here"]] * 2
    assert said["kept off"] == [True] * 4
    assert said["seen"][1] == "COMPATIBLE"


@pytest.mark.process
@pytest.mark.ray
def test_the_doctor_looks_at_every_node(raylets):
    ran = subprocess.run(
        [sys.executable, "-m", "evo.cli.main", "doctor", "--json", "--address", raylets.address],
        env=environment(RAY_AUTH_TOKEN=TOKEN),
        capture_output=True,
        text=True,
        timeout=600,
    )
    found = json.loads(ran.stdout.splitlines()[-1])["findings"]
    nodes = [finding for what, finding in found.items() if what.startswith("node ")]
    assert nodes, (found, ran.stderr)
    assert all(node["well"] for node in nodes), found
    assert all("torch 2" in node["seen"] and "with bit-identical results" in node["seen"] for node in nodes)
    assert f"{len(nodes)} cores" in found["cluster"]["seen"]
