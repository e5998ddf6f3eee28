"""MNIST comes from the folder named, undamaged or not at all, and through the network only when it is absent.

A small set in MNIST's form, with checksums of its own, stands in the real one's place, and a server on this
machine in the mirrors'.
"""

import gzip
import hashlib
import http.server
import os
import pickle
import socket
import threading
import time

import numpy as np
import pytest

from lenet_helpers.data import digits as data
from lenet_helpers.data import mnist as _mnist
from lenet_helpers.data.digits import DataError, DownloadError, load_digits
from lenet_helpers.data.torchvision_import import import_torchvision

NAMES = list(_mnist.FILES)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return header + array.tobytes()


@pytest.fixture(autouse=True)
def nowhere(monkeypatch, tmp_path):
    """No folder named, the default folder empty, and nothing decided yet; the default folder."""
    monkeypatch.delenv("LENET_DATA", raising=False)
    monkeypatch.setattr(_mnist, "default_folder", lambda: tmp_path / "default")
    data._out_of_reach.cache_clear()
    yield tmp_path / "default"
    data._out_of_reach.cache_clear()


@pytest.fixture(autouse=True)
def files(monkeypatch):
    """The small set: name -> content."""
    random = np.random.default_rng(0)
    content = {}
    for name in NAMES:
        count = 6 if name.startswith("train") else 4
        shape = (count, 28, 28) if "images" in name else (count,)
        content[name] = idx(random.integers(0, 10, shape, np.uint8))
    known = {name: (hashlib.md5(each).hexdigest(), len(each)) for name, each in content.items()}
    monkeypatch.setattr(_mnist, "FILES", known)
    return content


@pytest.fixture
def put(files):
    """Write the small set under a folder, each file changed by `change(name, content)`."""

    def put(folder, change=lambda name, content: content):
        raw = folder / "MNIST" / "raw"
        raw.mkdir(parents=True)
        for name, content in files.items():
            (raw / name).write_bytes(change(name, content))
        return raw

    return put


class TestFolder:
    def test_is_root_else_lenet_data_else_the_default(self, put, files, nowhere, monkeypatch, tmp_path):
        expected = list(files["t10k-labels-idx1-ubyte"][8:])
        put(tmp_path / "good")
        bad = put(tmp_path / "bad", lambda name, content: content[:-1])
        monkeypatch.setenv("LENET_DATA", str(tmp_path / "bad"))
        assert load_digits("test", root=tmp_path / "good").labels.tolist() == expected
        with pytest.raises(DataError) as caught:
            load_digits("test")
        assert str(bad) in str(caught.value)
        monkeypatch.setenv("LENET_DATA", str(tmp_path / "good"))
        assert load_digits("test", dataset="mnist").labels.tolist() == expected
        monkeypatch.delenv("LENET_DATA")
        (tmp_path / "good").rename(nowhere)
        assert load_digits("test").labels.tolist() == expected

    def test_defaults_to_the_repository_only_where_there_is_one(self, tmp_path, monkeypatch):
        monkeypatch.undo()
        package = tmp_path / "site-packages" / "lenet_helpers"
        package.mkdir(parents=True)
        monkeypatch.setattr(_mnist, "__file__", str(package / "data" / "mnist.py"))
        monkeypatch.setattr(_mnist.Path, "home", lambda: tmp_path / "home")
        assert _mnist.default_folder() == tmp_path / "home" / ".cache" / "lenet_helpers"
        (package.parent / "pyproject.toml").touch()
        assert _mnist.default_folder() == package.parent.resolve() / "data"

    @pytest.mark.parametrize("arguments", [("valid",), ("train", "fashion")])
    def test_is_not_looked_for_under_an_unknown_name(self, arguments):
        with pytest.raises(ValueError, match=f"got .*'{arguments[-1]}', expected"):
            load_digits(*arguments)


DAMAGE = {
    "is not the published file": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "is truncated": lambda content: content[:-1],
    "is truncated: 0 of": lambda content: b"",
    r"is a web page \(HTML, 10023 bytes\)": lambda content: b"\n<!DOCTYPE html><title>" + b"." * 10_000,
    "is not the published file: 3000000000 bytes": None,
    "is not the published file: .* with MD5": lambda content: gzip.compress(content + b"more"),
    "cannot be read .Compressed file ended": lambda content: gzip.compress(content)[:-20],
    "cannot be read .Error -3": lambda content: gzip.compress(content)[:10] + bytes(100),
}


@pytest.mark.parametrize("name", NAMES)
class TestDamage:
    """Damage to any of the four files is an error for both splits, with "auto" too, and says what to do."""

    def refused(self, raw, name, said, **arguments):
        for split in ("train", "test"):
            with pytest.raises(DataError, match=said) as caught:
                load_digits(split, **arguments)
            md5, size = _mnist.FILES[name]
            for part in (str(raw / name), f"expected {size} bytes with MD5 {md5}", "Put the published", "LENET_DATA"):
                assert part in str(caught.value)
            assert not isinstance(caught.value, DownloadError)

    @pytest.mark.parametrize("said", DAMAGE)
    def test_to_its_content(self, put, nowhere, name, said):
        if DAMAGE[said] is None:
            raw = put(nowhere)
            os.truncate(raw / name, 3_000_000_000)  # holes: it takes no room, but time to read
            start = time.perf_counter()
        else:
            raw = put(nowhere, lambda each, content: DAMAGE[said](content) if each == name else content)
        self.refused(raw, name, said)
        if DAMAGE[said] is None:
            assert time.perf_counter() - start < 1, "it was read"

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are Unix's")
    def test_by_a_named_pipe_in_its_place(self, put, name, nowhere):
        raw = put(nowhere)
        (raw / name).unlink()
        os.mkfifo(raw / name)
        self.refused(raw, name, "cannot be read .it is a named pipe, not a file")

    def test_by_its_absence(self, put, name, tmp_path):
        raw = put(tmp_path / "root")
        (raw / name).unlink()
        self.refused(raw, name, "is missing", root=tmp_path / "root")

    def test_by_a_folder_in_its_place(self, put, name, tmp_path, monkeypatch):
        raw = put(tmp_path / "named")
        (raw / name).unlink()
        (raw / name).mkdir()
        monkeypatch.setenv("LENET_DATA", str(tmp_path / "named"))
        self.refused(raw, name, "cannot be read")


GUISES = {
    "as it is": ("MNIST/raw", lambda name: name, lambda content: content),
    "with points": ("MNIST/raw", lambda name: name.replace("-idx", ".idx"), lambda content: content),
    "compressed": ("MNIST/raw", lambda name: f"{name}.gz", gzip.compress),
    "compressed, with points": ("MNIST/raw", lambda name: f"{name.replace('-idx', '.idx')}.gz", gzip.compress),
    "compressed, under the bare name": ("MNIST/raw", lambda name: name, gzip.compress),
    "unpacked on the way, under the packed name": ("MNIST/raw", lambda name: f"{name}.gz", lambda content: content),
    "as text": ("MNIST/raw", lambda name: f"{name}.txt", lambda content: content),
    "compressed, as text": ("MNIST/raw", lambda name: f"{name}.gz.txt", gzip.compress),
    "in a folder that names MNIST": ("raw", lambda name: name, lambda content: content),
    "in a folder that names MNIST/raw": ("", lambda name: name, lambda content: content),
    "compressed, in a folder that names MNIST/raw": ("", lambda name: f"{name}.gz", gzip.compress),
}


class TestGuises:
    """MNIST at hand under other names is used where the MD5 fits, without a look at the network."""

    @pytest.mark.parametrize("place, rename, pack", GUISES.values(), ids=GUISES.keys())
    def test_are_used(self, place, rename, pack, files, tmp_path, monkeypatch):
        monkeypatch.setattr(_mnist, "download", None)
        (tmp_path / "data" / place).mkdir(parents=True)
        for name, content in files.items():
            (tmp_path / "data" / place / rename(name)).write_bytes(pack(content))
        monkeypatch.setenv("LENET_DATA", str(tmp_path / "data"))
        assert load_digits("test").labels.tolist() == list(files["t10k-labels-idx1-ubyte"][8:])
        assert load_digits("train").images.numpy().tobytes() == files["train-images-idx3-ubyte"][16:]

    def test_are_used_where_the_file_itself_is_damaged_or_a_folder(self, put, files, nowhere):
        raw = put(nowhere)
        damaged, folder, *_ = NAMES
        (raw / damaged).write_bytes(b"x")
        (raw / folder).unlink()
        (raw / folder).mkdir()
        for name in (damaged, folder):
            (raw / f"{name}.gz").write_bytes(gzip.compress(files[name]))
        assert load_digits("train").labels.tolist() == list(files["train-labels-idx1-ubyte"][8:])

    @pytest.mark.parametrize("name", NAMES)
    def test_with_another_md5_are_refused(self, name, put, nowhere):
        raw = put(nowhere)
        (raw / name).rename(raw / f"{name}.txt")
        (raw / f"{name}.txt").write_bytes(b"\r\n".join((raw / f"{name}.txt").read_bytes().split(b"\n")) + b"\r\n")
        with pytest.raises(DataError, match=f"{name}.txt is not the published file: .* expected .* bytes with MD5"):
            load_digits("train")

    def test_of_which_one_is_missing_name_it_and_what_is_there(self, put, nowhere):
        raw = put(nowhere, lambda name, content: content)
        (raw / NAMES[3]).unlink()
        others = ", ".join(sorted(NAMES[:3]))
        with pytest.raises(DataError, match=f"{NAMES[3]} is missing among {others}; expected"):
            load_digits("test")

    def test_other_files_are_no_guises(self, use, closed, tmp_path, monkeypatch):
        """A folder of training images, a table of labels: neither is MNIST, nor an error."""
        use(closed)
        (tmp_path / "train-images-idx3-ubyte.d").mkdir()
        (tmp_path / "train-labels.csv").touch()
        with pytest.raises(DownloadError, match=r"holds train-images-idx3-ubyte.d, train-labels.csv\)"):
            load_digits("train", root=tmp_path)

    def test_torchvisions_older_form_is_named_where_nothing_can_be_downloaded(self, use, closed, tmp_path):
        use(closed)
        (tmp_path / "MNIST" / "processed").mkdir(parents=True)
        for name in ("training.pt", "test.pt"):
            (tmp_path / "MNIST" / "processed" / name).touch()
        with pytest.raises(DownloadError) as caught:
            load_digits("train", root=tmp_path)
        assert f"{tmp_path} holds MNIST/processed/test.pt, MNIST/processed/training.pt" in str(caught.value)
        assert all(name in str(caught.value) for name in NAMES)


@pytest.fixture
def archive(files, tmp_path, monkeypatch):
    """A folder of the small set as the mirrors keep it, compressed."""
    folder = tmp_path / "archive"
    folder.mkdir()
    resources = []
    for name, content in files.items():
        packed = gzip.compress(content)
        (folder / f"{name}.gz").write_bytes(packed)
        resources.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    monkeypatch.setattr(import_torchvision("torchvision.datasets").MNIST, "resources", resources)
    return folder


@pytest.fixture
def mirror():
    """Start a server on this machine that serves `folder`; its address. `send` is how it sends a file."""
    servers = []

    def start(folder, send=None):
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *arguments):
                super().__init__(*arguments, directory=folder)

            def log_message(self, *arguments):
                pass

            if send:

                def copyfile(self, source, target):
                    send(source, target)

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def use(monkeypatch):
    """Have torchvision know these mirrors and no other."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    def use(*mirrors):
        monkeypatch.setattr(import_torchvision("torchvision.datasets").MNIST, "mirrors", list(mirrors))

    use()
    return use


@pytest.fixture
def closed():
    """The address of a port where nobody answers."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{port.getsockname()[1]}/"


@pytest.fixture
def silent():
    """The address of a server that takes a call and never says a word."""
    with socket.socket() as port:
        port.bind(("127.0.0.1", 0))
        port.listen()
        yield f"http://127.0.0.1:{port.getsockname()[1]}/"


class TestDownload:
    def test_fetches_what_is_absent_once(self, archive, mirror, use, files, nowhere, capfd):
        use(mirror(archive))
        train = load_digits("train")
        assert train.images.numpy().tobytes() == files["train-images-idx3-ubyte"][16:]
        assert train.source == "MNIST"
        raw = nowhere / "MNIST" / "raw"
        assert {path.name: path.read_bytes() for path in raw.iterdir()} == files
        assert str(raw) in capfd.readouterr().err
        use()
        assert len(load_digits("test")) == 4

    @pytest.mark.parametrize("named", ["root", "LENET_DATA"])
    def test_fetches_into_a_named_folder(self, archive, mirror, use, tmp_path, monkeypatch, named):
        use(mirror(archive))
        if named == "root":
            load_digits("train", root=str(tmp_path / "named" / "folder"))
        else:
            monkeypatch.setenv("LENET_DATA", str(tmp_path / "named" / "folder"))
            load_digits("train")
        assert sorted(path.name for path in (tmp_path / "named/folder/MNIST/raw").iterdir()) == sorted(NAMES)

    def test_goes_on_to_the_mirror_that_works(self, archive, mirror, use, closed, tmp_path):
        wrong = tmp_path / "wrong"
        wrong.mkdir()
        for name in NAMES:
            (wrong / f"{name}.gz").write_bytes(b"<html>Sign in</html>")
        use(closed, mirror(wrong), mirror(archive))
        assert len(load_digits("train")) == 6

    def test_of_a_web_page_is_an_error_that_leaves_nothing_behind(self, archive, mirror, use, nowhere):
        for path in archive.iterdir():
            path.write_bytes(b"<html>Sign in to the network</html>")
        use(mirror(archive))
        with pytest.raises(DownloadError, match="File not found or corrupted"):
            load_digits("train", "mnist")
        assert list((nowhere / "MNIST" / "raw").iterdir()) == []
        assert socket.getdefaulttimeout() is None

    def test_checks_the_files_themselves_too(self, archive, mirror, use, monkeypatch):
        use(mirror(archive))
        monkeypatch.setitem(_mnist.FILES, NAMES[2], ("0" * 32, 10**6))
        with pytest.raises(DownloadError, match="is truncated"):
            load_digits("train", "mnist")

    def test_that_stands_still_is_given_up(self, archive, mirror, use, monkeypatch):
        monkeypatch.setattr(_mnist, "STALL", 0.2)
        over = threading.Event()

        def half(source, target):
            target.write(source.read(50))
            target.flush()
            over.wait(20)

        use(mirror(archive, half))
        start = time.monotonic()
        with pytest.raises(DownloadError, match="timed out"):
            load_digits("train", "mnist")
        assert time.monotonic() - start < 10
        over.set()

    def test_from_a_silent_mirror_is_given_up(self, archive, use, silent, monkeypatch):
        monkeypatch.setattr(_mnist, "PATIENCE", 0.2)
        use(silent)
        start = time.monotonic()
        with pytest.raises(DownloadError, match="127.0.0.1:.*(timed out|no answer in 0.2 s)"):
            load_digits("train", "mnist")
        assert time.monotonic() - start < 10

    def test_gives_up_a_name_look_up_that_hangs(self, use, monkeypatch):
        monkeypatch.setattr(_mnist, "PATIENCE", 0.2)
        over = threading.Event()

        def look_up(*arguments, **more):
            over.wait(20)
            raise socket.gaierror("unknown")

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        use("http://mirror.invalid/")
        start = time.monotonic()
        with pytest.raises(DownloadError, match="mirror.invalid: no answer in 0.2 s"):
            load_digits("train", "mnist")
        assert time.monotonic() - start < 10
        over.set()

    def test_into_a_place_that_is_no_folder_says_so(self, archive, mirror, use, tmp_path):
        use(mirror(archive))
        (tmp_path / "file").touch()
        with pytest.raises(DownloadError, match="file"):
            load_digits("train", root=tmp_path / "file")

    def test_by_two_at_once_ends_well_for_both(self, archive, mirror, use, files):
        use(mirror(archive))
        loaded = []
        threads = [threading.Thread(target=lambda: loaded.append(load_digits("train"))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = files["train-images-idx3-ubyte"][16:]
        assert [each.images.numpy().tobytes() for each in loaded] == [expected] * 4


class TestNoNetwork:
    @pytest.fixture(autouse=True)
    def cut(self, use, closed):
        use(closed)

    def test_auto_falls_back_and_says_so_in_one_line_once(self, capfd, nowhere):
        train, test = load_digits("train"), load_digits("test")
        assert train.source == test.source == "scikit-learn digits"
        said = capfd.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1
        assert "scikit-learn's 1,797 digits" in said.err
        assert str(nowhere) in said.err

    def test_a_process_does_not_change_its_source(self, put, nowhere):
        train = load_digits("train")
        put(nowhere)
        assert load_digits("test").source == train.source == "scikit-learn digits"
        assert load_digits("test", "mnist").source == "MNIST"

    def test_a_named_folder_is_never_replaced(self, tmp_path, monkeypatch):
        with pytest.raises(DownloadError, match="could not be downloaded"):
            load_digits("train", root=tmp_path / "empty")
        monkeypatch.setenv("LENET_DATA", str(tmp_path / "empty"))
        with pytest.raises(DownloadError, match="could not be downloaded"):
            load_digits("train")
        assert not (tmp_path / "empty").exists()

    def test_mnist_asked_for_by_name_is_never_replaced(self, nowhere):
        with pytest.raises(DownloadError) as caught:
            load_digits("train", "mnist")
        for part in (str(nowhere), "127.0.0.1", "Connect to a network", "LENET_DATA", *NAMES):
            assert part in str(caught.value)

    def test_the_error_travels_between_processes(self, nowhere):
        with pytest.raises(DownloadError) as caught:
            load_digits("train", "mnist")
        assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
