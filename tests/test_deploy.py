"""The files in deploy/: as far as one machine can tell, their schedulers would take them, and Slurm's runs for real."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
PINNED = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M))


def documents(name):
    return list(YAML(typ="safe").load_all((DEPLOY / name).read_text(encoding="utf-8")))


@pytest.mark.parametrize("name", ["ray-cluster.yaml", "kuberay-rayjob.yaml"])
def test_what_is_installed_is_pinned_to_the_versions_of_this_repository(name):
    text = (DEPLOY / name).read_text(encoding="utf-8")
    asked = re.findall(r"(torch|ray)(?:\[\w+\])?==([\d.]+)", text)
    assert {package for package, _ in asked} == {"torch", "ray"}
    assert all(PINNED[package] == version for package, version in asked)
    installs = re.findall(r"^.*pip install.*$", text, re.M)
    assert installs
    assert all("constraints.txt" in line for line in installs)


# --- the launcher


@pytest.fixture
def launched():
    (config,) = documents("ray-cluster.yaml")
    return config


def test_the_launcher_s_schema_takes_the_cluster(launched):
    schema = json.loads(files("ray.autoscaler").joinpath("ray-schema.json").read_text())
    jsonschema.validate(launched, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(launched | {"head_start_ray_comands": []}, schema)


def test_the_launcher_fills_in_what_is_left_out_and_takes_it(launched):
    from ray.autoscaler._private.util import prepare_config, validate_config

    whole = prepare_config(launched)
    validate_config(whole)
    (kind,) = whole["available_node_types"].values()
    assert kind["max_workers"] == len(launched["provider"]["worker_ips"])


def test_every_ray_of_the_launcher_has_the_token_and_says_its_cores(launched):
    starts = [
        command
        for where in ("head_start_ray_commands", "worker_start_ray_commands")
        for command in launched[where]
        if "ray start" in command
    ]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in start and "--num-cpus=" in start for start in starts)
    assert "~/.ray/auth_token" in launched["file_mounts"]
    assert "--dashboard-host=127.0.0.1" in starts[0]


# --- Kubernetes

# The fields that the manifest may use, by the type that has them: ray-operator/apis/ray/v1/rayjob_types.go (commit
# 0057210) and raycluster_types.go (commit 3275ee0) of github.com/ray-project/kuberay; `authOptions.mode` from
# https://ray-project.github.io/kuberay/reference/api/ (and that it holds for a RayJob: pull request 4210 there).
# What stands below a pod's template is Kubernetes core/v1.
POD = {
    "spec": {
        "containers": [
            {
                "name": str,
                "image": str,
                "env": [{"name": str, "value": str}],
                "resources": {"requests": {"cpu": str, "memory": str}, "limits": {"cpu": str, "memory": str}},
                "volumeMounts": [{"name": str, "mountPath": str}],
            }
        ],
        "volumes": [{"name": str, "persistentVolumeClaim": {"claimName": str}}],
    }
}
RAYJOB = {
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "entrypoint": str,
    "entrypointNumCpus": float,
    "submissionMode": str,
    "submitterConfig": {"backoffLimit": int},
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "rayClusterSpec": {
        "rayVersion": str,
        "authOptions": {"mode": str},
        "enableInTreeAutoscaling": bool,
        "headGroupSpec": {"rayStartParams": "texts", "template": POD},
        "workerGroupSpecs": [
            {
                "groupName": str,
                "replicas": int,
                "minReplicas": int,
                "maxReplicas": int,
                "rayStartParams": "texts",
                "template": POD,
            }
        ],
    },
}


def conforms(value, fields, where="spec"):
    if isinstance(fields, dict):
        assert isinstance(value, dict), where
        for key, inside in value.items():
            assert key in fields, f"{where}.{key} is no field"
            conforms(inside, fields[key], f"{where}.{key}")
    elif isinstance(fields, list):
        for place, inside in enumerate(value):
            conforms(inside, fields[0], f"{where}[{place}]")
    elif fields == "texts":
        assert all(type(inside) is str for inside in value.values()), f"{where}: the operator takes texts only"
    else:
        assert type(value) is fields, f"{where}: {value!r}"


def test_the_manifest_has_the_fields_of_the_operator():
    claim, job = documents("kuberay-rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    conforms(job["spec"], RAYJOB)
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["rayVersion"] == PINNED["ray"]
    assert cluster["authOptions"] == {"mode": "token"}
    head, (workers,) = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    (container,) = workers["template"]["spec"]["containers"]
    assert workers["rayStartParams"]["num-cpus"] == container["resources"]["limits"]["cpu"]
    (volume,) = head["template"]["spec"]["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert job["spec"]["backoffLimit"] > 0


@pytest.mark.process
@pytest.mark.parametrize(
    ("there", "verb"),
    [("", "evolve"), ("experiment.yaml", "evolve"), ("manifest.json", "resume"), ("set.json", "resume")],
)
def test_the_job_of_the_manifest_goes_on_with_a_run_that_is_there(tmp_path, there, verb):
    *_, job = documents("kuberay-rayjob.yaml")
    entrypoint = job["spec"]["entrypoint"].replace("/runs/", f"{tmp_path}/")
    stub(tmp_path, "instinct", 'echo "$@"')
    if there:
        (tmp_path / "digits-001").mkdir()
        (tmp_path / "digits-001" / there).touch()
    said = subprocess.run(
        entrypoint, shell=True, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, capture_output=True, text=True
    ).stdout.split()
    assert said[0] == verb
    assert said[-2:] == ["--address", "auto"]
    assert f"{tmp_path}/digits-001" in said


# --- Slurm


def stub(folder, name, text):
    path = folder / name
    path.write_text(f"#!/usr/bin/env bash\n{text}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.process
def test_the_batch_file_is_bash_and_asks_for_what_it_needs():
    subprocess.run(["bash", "-n", DEPLOY / "slurm.sbatch"], check=True)
    text = (DEPLOY / "slurm.sbatch").read_text(encoding="utf-8")
    asked = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", text, re.M))
    assert asked["signal"] == "B:USR1@120"
    assert asked["ntasks-per-node"] == "1"
    assert asked["open-mode"] == "append"
    assert {"requeue", "cpus-per-task", "nodes", "time"} <= asked.keys()
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    assert 'if [ -e "$run/manifest.json" ] || [ -e "$run/set.json" ]; then' in code
    assert 'instinct resume "$run" --allow-code' in code
    assert "ray stop" not in code  # it would end every Ray of a node that jobs share


@pytest.fixture
def slurm(tmp_path):
    """Stands for a Slurm of three nodes, all of them this machine; gives what was called, and starts the batch file."""
    tools, log = tmp_path / "tools", tmp_path / "log"
    tools.mkdir()
    fails = (
        f'if [[ "${{FAILS:-}}" && $* == *"=$FAILS "* && ! -e {tools}/failed ]]; then touch {tools}/failed; exit 1; fi'
    )
    stub(tools, "srun", f'echo "srun $*" >> {log}\n{fails}\nwhile [[ $1 == --* ]]; do shift; done\nexec "$@"')
    listed = 'if [ "$1" = show ]; then printf "node1\\nnode2\\nnode3\\n"; fi'
    stub(tools, "scontrol", f'echo "scontrol $*" >> {log}\n{listed}')
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "INSTINCT_"))}
    kept["INSTINCT_ENGINE"] = "torch"  # as in the serial run
    job = str(os.getpid())
    environment = kept | {
        "PATH": f"{tools}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(tmp_path),
        "SLURM_JOB_ID": job,
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_JOB_NODELIST": "node[1-3]",
    }
    started = []

    def submit(*arguments, **more):
        with open(tmp_path / "out", "ab") as out:
            batch = subprocess.Popen(
                ["bash", DEPLOY / "slurm.sbatch", *arguments],
                env=environment | more,
                cwd=tmp_path,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        started.append(batch)
        return batch

    submit.log, submit.folder = log, Path(f"/tmp/ray-{job}")
    yield submit
    for batch in started:
        if batch.poll() is None:
            os.killpg(batch.pid, signal.SIGKILL)
            batch.wait()
    shutil.rmtree(submit.folder, ignore_errors=True)


@pytest.mark.process
@pytest.mark.ray
def test_a_job_that_is_taken_away_goes_on_to_the_same_bytes(slurm, held, tmp_path):
    config = ["teacher", "lifetime.steps=5", "cohort=4", "search.population=9", "generations=4"]
    command = [Path(sys.executable).with_name("instinct"), "evolve", *config]
    subprocess.run([*command, "--run", tmp_path / "serial", "--serial"], check=True, capture_output=True)
    out = tmp_path / "out"

    first = slurm("run", *config, **held(1))
    held.wait(1, lambda: first.poll() is None)
    first.send_signal(signal.SIGUSR1)
    assert first.wait(100) == 143, out.read_text()
    called = slurm.log.read_text()
    assert f"scontrol requeue {os.getpid()}" in called
    starts = re.findall(r"ray start --num-cpus=(\d)", called)
    assert (starts[0], set(starts[1:])) == ("0", {"1"})  # a slow machine may start the Ray of a node twice
    assert set(re.findall(r"--nodelist=(node\d)", called)) == {"node1", "node2", "node3"}
    assert len(sorted((tmp_path / "run/generations").iterdir())) == 2

    again = slurm("run", *config, FAILS="node2")  # the Ray of a node that fails is started again
    assert again.wait(200) == 0, out.read_text()
    assert "resumed" in out.read_text() or "generation 4/4" in out.read_text()
    called = slurm.log.read_text()[len(called) :]
    assert "requeue" not in called
    assert re.findall(r"--nodelist=(node\d)", called).count("node2") >= 2
    for number in range(4):
        name = f"generations/{number:05}.npz"
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "serial" / name).read_bytes(), name
    assert not slurm.folder.exists()
