"""A folder is measured and removed, whatever is in it."""

import math
import os
import subprocess
import sys
import tempfile

import pytest

from autograde.engine import folders
from autograde.engine.execute import PROJECT


def dig(folder, levels):
    """A chain of folders too deep for a path, with a file at its end."""
    here = os.getcwd()
    os.chdir(folder)
    try:
        for _ in range(levels):
            os.mkdir("d")
            os.chdir("d")
        with open("file", "wb") as file:
            file.write(bytes(10_000))
    finally:
        os.chdir(here)


@pytest.mark.parametrize("levels", [0, 1, 3000])
def test_a_folder_of_any_depth_is_removed(tmp_path, levels):
    folder = tmp_path / "folder"
    folder.mkdir()
    dig(folder, levels)
    (folder / "other").mkdir()
    folders.remove(folder)
    assert not folder.exists()


def test_what_links_lead_to_stays(tmp_path):
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").write_text("x")
    folder.mkdir()
    (folder / "inner").mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "inner" / "link").symlink_to(outside)
    (folder / "file").symlink_to(outside / "kept")
    folders.remove(folder)
    assert not folder.exists() and (outside / "kept").read_text() == "x"
    top = tmp_path / "top"
    top.symlink_to(outside)
    folders.remove(top)
    assert (outside / "kept").exists()


def test_a_closed_folder_is_opened_and_removed(tmp_path):
    folder = tmp_path / "folder"
    (folder / "closed" / "inner").mkdir(parents=True)
    os.chmod(folder / "closed" / "inner", 0)
    os.chmod(folder / "closed", 0)
    folders.remove(folder)
    assert not folder.exists()


def test_a_folder_that_is_not_there_is_no_error(tmp_path):
    folders.remove(tmp_path / "none")
    assert folders.size(tmp_path / "none") == 0


def test_the_size_is_that_of_the_files(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(os.urandom(100_000))
    assert 100_000 <= folders.size(tmp_path) < 150_000


@pytest.mark.parametrize(
    "fill", [lambda at: dig(at, 3000), lambda at: [(at / str(i)).touch() for i in range(2001)]]
)
def test_a_folder_of_too_many_levels_or_entries_is_too_large_for_any_limit(tmp_path, fill):
    folder = tmp_path / "folder"
    folder.mkdir()
    fill(folder)
    assert folders.size(folder) == math.inf
    folders.remove(folder)


def test_a_fresh_folder_is_empty_whatever_was_there(tmp_path):
    folder = tmp_path / "private"
    folders.fresh(folder)
    number = folder.stat().st_ino
    (folder / "left").mkdir()
    (folder / "left" / "file").write_text("of the submission before")
    folder.chmod(0)
    folders.fresh(folder)
    assert (
        os.listdir(folder) == [] and folder.stat().st_ino == number
    )  # the same one, where another has a disk on it
    folder.rmdir()
    folder.write_text("a file")
    folders.fresh(folder)
    assert os.listdir(folder) == []
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("")
    folder.symlink_to(tmp_path / "elsewhere")
    folders.fresh(folder)
    assert os.listdir(folder) == [] and not folder.is_symlink()
    assert os.listdir(tmp_path / "elsewhere") == ["kept"]


def test_a_folder_that_cannot_be_emptied_is_moved_aside(tmp_path, monkeypatch):
    folder = tmp_path / "private"
    folder.mkdir()
    (folder / "left").write_text("")
    monkeypatch.setattr(folders, "_empty", lambda top: None)
    folders.fresh(folder)
    assert os.listdir(folder) == [] and len(os.listdir(tmp_path)) == 2


def test_a_folder_that_its_owner_has_closed_is_emptied_and_leaves_nothing(tmp_path):
    code = (
        "import os, sys\nfrom autograde.engine import folders\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "os.mkdir('private')\nopen('private/left', 'w').close()\nos.chmod('private', 0)\n"
        "folders.fresh(os.path.abspath('private'))\n"
        "assert os.listdir('.') == ['private'] and os.listdir('private') == [], os.listdir('.')"
    )
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o777)
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=place, env={**os.environ, "PYTHONPATH": str(PROJECT)}
        )
    assert run.returncode == 0
