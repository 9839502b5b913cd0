"""What bin/test does where something is missing or fails."""

import subprocess
from pathlib import Path

import pytest

from tools import check

NOWHERE = "postgresql+psycopg://127.0.0.1:9/postgres"


def test_without_postgresql_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SUIVI_TEST_POSTGRES", NOWHERE)
    monkeypatch.delenv("CI", raising=False)
    check._look_for_postgres()
    [line] = capsys.readouterr().out.splitlines()
    assert "no PostgreSQL answers" in line


def test_without_postgresql_continuous_integration_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUIVI_TEST_POSTGRES", NOWHERE)
    monkeypatch.setenv("CI", "true")
    with pytest.raises(SystemExit) as ended:
        check._look_for_postgres()
    assert ended.value.code not in (0, None)
    assert "export CI=true" in (check.ROOT / ".ci/run").read_text()


def runs_of(monkeypatch: pytest.MonkeyPatch, *, name: str) -> int:
    """How often a step that fails is run before it counts as failed."""
    run: list[list[str | Path]] = []

    def fails(command: list[str | Path], **_how: object) -> subprocess.CompletedProcess[str]:
        run.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(check.subprocess, "run", fails)
    assert not check._passes(name, ["pytest"])
    return len(run)


def test_only_a_browser_that_missed_a_deadline_gets_a_second_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = dict(check._test_steps(fast=False))
    twice = {name for name in steps if runs_of(monkeypatch, name=name) > 1}
    assert twice == {check.BROWSER}
    for promise in check.PROMISES:
        assert (check.ROOT / promise).is_file()
        assert f"--ignore={promise}" in steps[check.BROWSER]
        assert [name for name, command in steps.items() if promise in command] == [
            f"{check.BROWSER}, the promises"
        ]
