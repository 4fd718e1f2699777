"""Signals to the command: at any time it ends with the right exit code and leaves no process behind."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGUSR1, 143)]

DRIVER = """
import os, sys, time
from pathlib import Path
from evo.cli import main as cli

def live(words):
    try:
        Path("driver").write_text(str(os.getpid()))
        {work}
    except BaseException:
        Path("heard").touch()
        {then}
    return 0

cli._run = live
{begin}
sys.exit(cli.main())
"""

COMMAND = """
import sys
from evo.cli import supervisor
supervisor.DRIVER, supervisor.FIRST = (sys.executable, "-c", {driver!r}), 600.0
sys.exit(supervisor.main(["resume", "run"]))
"""

WORK = "while True: time.sleep(0.01)"  # a signal just before a long sleep would not be heard until its end
OBEDIENT, STUBBORN, FINISHING = "raise", WORK, "pass"
"""What a driver does when it is interrupted."""


@pytest.fixture
def start(tmp_path):
    """`start(then, begin, work)`: the command, with a driver that does `then` when interrupted at `work`."""
    started = []

    def run(then=OBEDIENT, begin="", work=WORK, **options):
        code = COMMAND.format(driver=DRIVER.format(then=then, begin=begin, work=work))
        options = {"cwd": tmp_path, "stderr": subprocess.PIPE, "text": True} | options
        started.append(subprocess.Popen([sys.executable, "-c", code], **options))
        return started[-1]

    run.here = lambda name: wait_for((tmp_path / name).exists)
    run.driver = lambda: wait_for(lambda: (tmp_path / "driver").is_file() and (tmp_path / "driver").read_text())
    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stderr and process.stderr.close()


def wait_for(condition, timeout=100.0):
    until = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < until, "in vain"
        time.sleep(0.005)
    return found


def state(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "gone"


def ended(parent):
    _, said = parent.communicate(timeout=100)
    return parent.returncode, said


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), CODES)
def test_once_stops_in_an_orderly_way(number, code, start):
    parent = start()
    driver = start.driver()
    parent.send_signal(number)
    assert ended(parent) == (code, "instinct: interrupted\n")
    assert state(driver) == "gone"


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), CODES)
def test_twice_stops_at_once(number, code, start):
    parent = start(STUBBORN)
    driver = start.driver()
    parent.send_signal(number)
    start.here("heard")
    assert parent.poll() is None, "the driver does not obey"
    parent.send_signal(number)
    assert ended(parent) == (
        code,
        "instinct: stopped; finished work is saved, `instinct resume run` continues from there\n",
    )
    assert state(driver) == "gone"


@pytest.mark.process
def test_two_at_the_same_time(start):
    parent = start(STUBBORN)
    driver = start.driver()
    for _ in range(2):
        parent.send_signal(signal.SIGINT)
        parent.send_signal(signal.SIGTERM)
    assert ended(parent)[0] in (130, 143)
    assert state(driver) == "gone"


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), CODES)
def test_before_the_driver_can_hear_it(number, code, start):
    parent = start(begin="Path('begun').touch(); time.sleep(600)")
    start.here("begun")
    parent.send_signal(number)
    returned, said = ended(parent)
    assert returned == code
    assert said.splitlines() == [
        "instinct: stopped; finished work is saved, `instinct resume run` continues from there"
    ]


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), CODES)
def test_between_two_drivers(number, code, start):
    parent = start(work="os._exit(1)")
    driver = start.driver()
    wait_for(lambda: state(driver) == "gone")
    parent.send_signal(number)
    returned, said = ended(parent)  # and does not wait for the end of the pause, ten minutes
    assert returned == code
    assert said.splitlines()[-1].startswith("instinct: stopped; ")


@pytest.mark.process
def test_a_signal_to_the_whole_group_as_slurm_sends_it(start):
    parent = start()
    driver = start.driver()
    os.kill(int(driver), signal.SIGTERM)
    parent.send_signal(signal.SIGTERM)
    assert ended(parent)[0] == 143
    assert state(driver) == "gone"


@pytest.mark.process
def test_a_driver_that_is_told_to_stop_by_somebody_else_is_not_started_again(start):
    parent = start()
    os.kill(int(start.driver()), signal.SIGTERM)
    returned, said = ended(parent)
    assert returned == 143
    assert said.count("\n") == 1


@pytest.mark.process
def test_a_driver_that_ends_well_in_spite_of_a_signal_has_ended_well(start):
    parent = start(FINISHING)
    start.driver()
    parent.send_signal(signal.SIGINT)
    assert ended(parent) == (0, "")


@pytest.mark.process
def test_a_stubborn_orphan_ends_all_the_same(start):
    parent = start(STUBBORN, begin="from evo.cli import driver_link as announce; announce._GRACE = 0.3")
    driver = start.driver()
    parent.kill()
    start.here("heard")
    wait_for(lambda: state(driver) in ("gone", "Z"))


@pytest.mark.process
def test_ctrl_c_on_a_terminal_reaches_the_driver_once(start):
    terminal, inside = pty.openpty()
    parent = start(STUBBORN, start_new_session=True, stdin=inside, preexec_fn=_take_terminal)
    driver = start.driver()
    assert os.getsid(int(driver)) == int(driver), "in the terminal's session it would hear Ctrl-C itself"
    os.write(terminal, b"\x03")
    start.here("heard")
    time.sleep(0.3)
    assert state(driver) in "RSD", "a second one would have ended it"
    os.write(terminal, b"\x03")
    assert ended(parent)[0] == 130
    assert state(driver) == "gone"
    os.close(terminal)
    os.close(inside)


def _take_terminal():
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.mark.process
def test_ctrl_z_stops_parent_and_driver_until_they_are_woken(start):
    parent = start()
    driver = start.driver()
    parent.send_signal(signal.SIGTSTP)
    wait_for(lambda: state(parent.pid) == state(driver) == "T")
    parent.send_signal(signal.SIGCONT)
    wait_for(lambda: "T" not in (state(parent.pid), state(driver)))
    parent.send_signal(signal.SIGINT)
    assert ended(parent)[0] == 130


@pytest.mark.process
@pytest.mark.parametrize(("number", "code"), CODES)
def test_without_a_parent(number, code, tmp_path):
    for then, times, words in ((OBEDIENT, 1, "interrupted"), (STUBBORN, 2, "")):
        program = DRIVER.format(then=then, begin="", work=WORK)
        alone = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        wait_for((tmp_path / "driver").exists)
        alone.send_signal(number)
        wait_for((tmp_path / "heard").exists)
        if times == 2:
            alone.send_signal(number)
        returned, said = ended(alone)
        assert returned == code
        assert words in said
        assert bool(said) == bool(words)
        for name in ("driver", "heard"):
            (tmp_path / name).unlink()


@pytest.mark.process
@pytest.mark.ray
def test_ray_does_not_keep_the_handler_that_it_puts_in_place_of_ours(tmp_path):
    small = ["teacher", "generations=100000", "search.population=5", "cohort=3", "lifetime.steps=3", "--run", "run"]
    words = [sys.executable, "-m", "evo.cli.main", "evolve", *small, "--workers", "1"]
    driver = subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    wait_for((tmp_path / "run" / "generations" / "00000.npz").exists)
    driver.send_signal(signal.SIGTERM)
    returned, said = ended(driver)
    assert returned == 143
    assert "interrupted; " in said


def test_handlers_are_put_back(monkeypatch):
    from evo.cli import main as cli

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    monkeypatch.setattr(cli, "_run", lambda words: signal.raise_signal(signal.SIGUSR1))
    assert cli.main([]) == 143
    assert [signal.getsignal(number) for number in numbers] == before
