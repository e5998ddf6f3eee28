"""The command line: each command does its job, and what goes wrong is one clear line and an exit status."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from training_runs import same_run

from lenet_helpers.cli.parser import main
from lenet_helpers.codes import ASCII_CODES, DIGIT_CODES
from lenet_helpers.data.digits import load_digits
from lenet_helpers.model import LeNet5
from lenet_helpers.paper import PUBLISHED_RATES
from lenet_helpers.training.history import History
from lenet_helpers.weights import PACKAGED, load_weights, save_weights

ROOT = Path(__file__).resolve().parents[1]
NUMBERS = ROOT / "results" / "strings" / "pictures"
SMALL = ["--dataset", "sklearn", "--patterns", "400", "--passes", "2", "--schedule", "two-pass"]


def start(*arguments, **options):
    """The command line as a process of its own, as from a shell."""
    command = [sys.executable, "-m", "lenet_helpers", *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    return subprocess.Popen(command, cwd=ROOT, **pipes, **options)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """(weights, history, output) of one small training."""
    folder = tmp_path_factory.mktemp("small")
    paths = folder / "weights.safetensors", folder / "history.json"
    process = start("train", *SMALL, "--out", paths[0], "--history", paths[1])
    output, progress = process.communicate()
    assert process.returncode == 0, progress
    return *paths, output + progress


def refused(capsys, status, *arguments):
    """What stands on stderr when the command ends with this status: one line, no traceback."""
    assert main([str(argument) for argument in arguments]) == status
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


def test_train_writes_weights_and_history_and_shows_what_it_does(small):
    weights, history, output = small
    history, model = History.load(history), load_weights(weights)
    assert history.finished and history.source == model.facts["source"] == "scikit-learn digits"
    assert history.command == model.facts["command"]
    assert history.command.startswith("python -m lenet_helpers train --dataset sklearn --patterns 400")
    assert "patterns/s" in output and "macro F1" in output
    assert f"error rate {history.passes[-1]['test_error']:.2f}%" in output


def test_training_options_reach_the_run(tmp_path, capsys):
    path, out = tmp_path / "history.json", tmp_path / "weights.safetensors"
    options = (
        "--patterns 60 --passes 1 --dataset sklearn --quiet --init paper --rbf-scale 1 --seed 4 --loss map --j 20 "
        "--mu 0.03 --batch-size 4 --schedule 3e-4,1e-4 --curvature running --gamma 0.2 --curvature-patterns 40 "
        "--distort 1 0.1 0.1 0.15"
    )
    assert main(["train", *options.split(), "--history", str(path), "--out", str(out)]) == 0
    history, said = History.load(path), capsys.readouterr()
    assert said.err == "" and str(path) in said.out
    chosen = {
        "init": "appendix_a", "rbf_scale": 1.0, "model_seed": 4, "loss": "MAPLoss(j=20)", "passes": 1, "batch_size": 4,
        "schedule": [3e-4, 1e-4], "optimizer": "SDLM", "optimizer_options": [{"mu": 0.03}], "curvature": "running",
        "gamma": 0.2, "curvature_patterns": 40, "train_patterns": 60, "test_patterns": 360,
    }  # fmt: skip
    assert {name: history.configuration[name] for name in chosen} == chosen
    assert "shear=0.15" in history.configuration["distort"]
    assert load_weights(out).rbf_scale == 1.0


@pytest.mark.parametrize("words", ["--optimizer sgd --rate 0.001 --momentum 0.9", "--optimizer adam --rate 0.002"])
def test_other_optimizers_are_chosen_by_name(words, tmp_path):
    path = tmp_path / "history.json"
    options = f"train --patterns 40 --passes 1 --dataset sklearn --quiet --loss mse {words}"
    assert main([*options.split(), "--history", str(path)]) == 0
    said = History.load(path).configuration
    assert said["optimizer"].lower() == words.split()[1] and said["loss"] == "MSELoss()"
    assert said["first_rates"] == [float(words.split()[3])]


def test_evaluate_scores_the_whole_test_set_beside_the_paper(small, capsys):
    assert main(["evaluate", str(small[0])]) == 0
    said = capsys.readouterr().out
    error = History.load(small[1]).passes[-1]["test_error"]
    assert f"scikit-learn digits, 360 digits: error rate {error:.2f}%" in said
    assert re.search(rf"error rate, % +\| {error:.2f} .*0\.95 in the end", said)
    assert "they do not compare" in said


def test_evaluate_reads_strings_with_the_network_that_can(capsys):
    assert main(["evaluate", "strings", "--dataset", "sklearn"]) == 0
    said = capsys.readouterr().out
    assert "scikit-learn digits, 360 digits: error rate" in said
    shares = [float(share) for share in re.findall(r"^(?:clean|noisy|intertwined|3 to 6 .*2) +([\d.]+)%$", said, re.M)]
    assert len(shares) == 4 and shares[0] > shares[2]


def test_evaluate_takes_the_weights_that_come_with_the_package(mnist, capsys):
    assert main(["evaluate"]) == 0
    said = capsys.readouterr().out
    assert float(re.search(r"MNIST, 10000 digits: error rate ([\d.]+)%", said)[1]) < 1.3


def test_table_shows_each_pass(small, capsys):
    assert main(["table", str(small[1])]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first == "scikit-learn digits, seed 0"
    for line, record in zip(lines[1:], History.load(small[1]).passes, strict=True):
        assert f"{record['train_error']:.2f}" in line and f"{record['test_error']:.2f}" in line
        assert line.split().count("-") == 2, "Fig. 5 is about MNIST alone"


def test_table_has_fig_5_beside_a_history_on_mnist(small, tmp_path, capsys):
    facts = json.loads(small[1].read_text(encoding="utf-8"))
    (tmp_path / "h.json").write_text(json.dumps({**facts, "source": "MNIST"}), encoding="utf-8")
    assert main(["table", str(tmp_path / "h.json")]) == 0
    assert re.search(r"2 .* 3\.05 .* 2\.24 ", capsys.readouterr().out)


@pytest.mark.parametrize("init, largest", [("lush", 2.4e-2), ("appendix_a", 2.5e-2)])
def test_curvature_prints_each_parameters_rates_and_the_published_ones(init, largest, capsys):
    assert main(["curvature", "--init", init, "--dataset", "sklearn", "--curvature-patterns", "100"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = {line.split("  ")[0]: [float(number) for number in line.split()[-2:]] for line in lines[2:]}
    assert rows.keys() == {*dict(LeNet5().named_parameters()), "all parameters", "published (III-B)"}
    assert rows.pop("published (III-B)") == list(PUBLISHED_RATES)
    low, high = rows.pop("all parameters")
    assert (low, high) == (min(row[0] for row in rows.values()), max(row[1] for row in rows.values()))
    assert 5e-5 < low < high <= largest


def picture_of(digit, path, size=120, dark=True):
    """A picture of a test digit, enlarged and surrounded by ground, dark on light or light on dark."""
    test = load_digits("test", "sklearn")
    image = test.images[(test.labels == digit).nonzero()[0, 0]].numpy()
    grey = np.pad(255 - image if dark else image, 8, constant_values=255 if dark else 0)
    Image.fromarray(grey).resize((size, size), Image.Resampling.BICUBIC).save(path)
    return str(path)


def test_predict_reads_png_and_jpg_of_any_size_and_either_polarity(small, tmp_path, capsys):
    files = [
        picture_of(digit, tmp_path / f"{digit}{suffix}", size, dark)
        for digit, suffix, size, dark in ((0, ".png", 120, True), (1, ".jpg", 300, False), (6, ".png", 44, False))
    ]
    assert main(["predict", "--weights", str(small[0]), *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line, file, digit in zip(lines, files, (0, 1, 6), strict=True):
        assert line.startswith(f"{file}: {digit} ")
        penalties = [float(number) for number in re.findall(r"\d: ([\d.]+)", line.removeprefix(f"{file}: "))]
        assert len(penalties) == 10 and penalties.index(min(penalties)) == digit


def test_predict_string_reads_whole_numbers(capsys):
    numbers = [NUMBERS / f"{name}.png" for name in ("02_2859", "04_93826", "16_6038")]
    assert main(["predict", "--string", *map(str, numbers)]) == 0
    printed = capsys.readouterr().out.splitlines()
    read = [re.search(r"png: (\d+)   confidence [01]\.\d{3}$", line)[1] for line in printed]
    assert read == ["2859", "93826", "6038"]


def test_predict_string_reads_a_single_digit_and_refuses_what_is_no_number(tmp_path, capsys):
    digit, blank, page = (tmp_path / name for name in ("digit.png", "blank.png", "page.png"))
    with Image.open(NUMBERS / "16_6038.png") as number:
        number.crop((0, 0, 34, number.height)).save(digit)
    Image.new("L", (90, 60), 255).save(blank)
    lines = np.full((300, 300), 255, np.uint8)
    for row in (30, 120, 210):
        for column in (30, 100, 170, 240):
            lines[row : row + 50, column : column + 35] = 0
            lines[row + 9 : row + 41, column + 9 : column + 26] = 255
    Image.fromarray(lines).save(page)
    assert main(["predict", "--string", str(digit), str(blank), str(page)]) == 1
    printed = capsys.readouterr()
    assert "digit.png: 6   confidence" in printed.out
    assert re.findall(r"(\w+)\.png is left out", printed.err) == ["blank", "page"]
    assert "expected one number in one line" in printed.err
    assert "leave out --string" in refused(capsys, 2, "predict", "--string", digit, "--explain", tmp_path / "x.png")


def test_predict_string_says_where_a_reading_is_doubtful_and_refuses_what_is_like_no_number(tmp_path, capsys):
    hyphen, thin = tmp_path / "hyphen.png", tmp_path / "thin.png"
    picture = Image.new("L", (200, 200), 255)
    picture.paste(0, (57, 103, 97, 115))
    picture.save(hyphen)
    picture = Image.new("L", (200, 200), 255)
    ImageDraw.Draw(picture).line([(50, 50), (150, 50), (90, 170)], fill=0, width=3)
    picture.save(thin)
    assert main(["predict", "--string", str(thin), str(hyphen)]) == 1
    printed = capsys.readouterr()
    assert re.search(r"thin\.png: 7   confidence 0\.\d{3}   \(this may be another number\.\)$", printed.out)
    assert printed.err.count("\n") == 1 and "hyphen.png is left out: this is rather another number" in printed.err


def test_predict_says_what_is_wrong_with_a_file(tmp_path, capsys):
    cut, gone, dots = (tmp_path / name for name in ("cut.png", "gone.png", "dots.tif"))
    cut.write_bytes((NUMBERS / "02_2859.png").read_bytes()[:-300])
    Image.fromarray(np.full((30, 30), np.nan, np.float32)).save(dots)
    for kind in ([], ["--string"]):
        assert main(["predict", *kind, str(cut), str(gone), str(dots)]) == 1
        said = capsys.readouterr().err.splitlines()
        assert re.search(r"cut\.png is left out: its content is damaged \(.+\); save it, or copy it, again\.$", said[0])
        assert said[1].endswith("gone.png is left out: there is no such file")
        assert said[2].endswith("dots.tif is left out: got NaN or infinite pixels, expected finite values.")


def test_weights_that_do_not_exist_are_answered_with_the_names_of_those_that_do(capsys):
    assert ", ".join(PACKAGED) in refused(capsys, 1, "evaluate", "regulr")
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    assert ", ".join(PACKAGED) in " ".join(capsys.readouterr().out.split())


def test_predict_without_string_says_where_there_are_several_digits(capsys):
    said = refused(capsys, 1, "predict", NUMBERS / "11_358.png")
    assert "three digits side by side" in said and said.rstrip().endswith("predict --string.")


def test_predict_names_a_bad_file_and_goes_on(small, tmp_path, capsys):
    good = picture_of(0, tmp_path / "good.png")
    text, blank, cut = tmp_path / "text.png", tmp_path / "blank.png", tmp_path / "cut.png"
    text.write_text("no picture", encoding="utf-8")
    Image.new("L", (50, 50), 255).save(blank)
    cut.write_bytes(Path(good).read_bytes()[:300])
    bad = [text, blank, cut, tmp_path / "missing.png", tmp_path]
    assert main(["predict", "--weights", str(small[0]), *map(str, bad), good]) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{good}: 0 ") and said.out.count("\n") == 1
    lines = said.err.splitlines()
    for line, path in zip(lines, bad, strict=True):
        assert line.startswith(f"error: {path} is left out: ")


def test_predict_goes_by_content_and_says_what_it_cannot_open(small, tmp_path, capsys):
    good = picture_of(0, tmp_path / "good.png")
    renamed, phone, huge, icon = (tmp_path / name for name in ("good.txt", "phone.jpg", "huge.png", "icon.png"))
    renamed.write_bytes(Path(good).read_bytes())
    phone.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    Image.new("1", (9000, 9000)).save(huge)
    Image.open(good).save(icon, "ICO")
    assert main(["predict", "--weights", str(small[0]), *map(str, (phone, huge, icon, renamed))]) == 1
    said = capsys.readouterr()
    assert said.out.startswith(f"{renamed}: 0 ")
    of_phone, of_huge, of_icon = said.err.splitlines()
    assert "it is a picture of the kind HEIC" in of_phone and "save it as JPEG or PNG" in of_phone
    assert "9,000 x 9,000 pixels, expected at most 40,000,000" in of_huge
    assert "PNG, JPEG, WEBP, TIFF, BMP or GIF" in of_icon


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_no_picture_and_is_not_waited_for(tmp_path, capsys):
    os.mkfifo(tmp_path / "pipe.png")
    assert "it is a named pipe, not a file" in refused(capsys, 1, "predict", tmp_path / "pipe.png")
    assert "pipe.png cannot be read" in refused(capsys, 1, "table", tmp_path / "pipe.png")


def test_predict_refuses_two_digits_in_a_sentence(small, tmp_path, capsys):
    one = np.asarray(Image.open(picture_of(0, tmp_path / "one.png")))
    Image.fromarray(np.concatenate([one, one], axis=1)).save(tmp_path / "two.png")
    said = refused(capsys, 1, "predict", "--weights", small[0], tmp_path / "two.png")
    assert "two.png is left out: this looks like two digits side by side, expected one digit" in said


@pytest.mark.parametrize("seen", ["a digit", "nothing"])
def test_predict_explains_a_picture_that_is_read_and_one_that_is_not(seen, small, tmp_path, capsys):
    picture, drawn = tmp_path / "$x.png", tmp_path / "explained.png"
    picture_of(6, picture) if seen == "a digit" else Image.new("L", (60, 50), 255).save(picture)
    status = main(["predict", "--weights", str(small[0]), str(picture), "--explain", str(drawn)])
    assert status == (seen == "nothing")
    assert f"{drawn} is written" in capsys.readouterr().out
    with Image.open(drawn) as figure:
        assert figure.format == "PNG" and figure.size == (880, 638)
        assert len(np.unique(np.asarray(figure.convert("L")))) > 50


def test_one_picture_is_explained_at_a_time(small, tmp_path, capsys):
    files = [picture_of(digit, tmp_path / f"{digit}.png") for digit in (0, 1)]
    said = refused(capsys, 2, "predict", "--weights", small[0], *files, "--explain", tmp_path / "x.png")
    assert "--explain draws one picture; got 2 files" in said
    os.link(files[0], tmp_path / "another name.png")
    for name in (files[0], tmp_path / "another name.png"):
        assert "is the picture itself" in refused(capsys, 2, "predict", files[0], "--explain", name)


def test_a_study_runs_from_its_plan_and_its_results_are_built(tmp_path, capsys):
    plan, results = ROOT / "studies" / "tiny.toml", tmp_path / "results"
    folders = ["--results", str(results), "--build", str(tmp_path / "build")]
    assert main(["study", "--plan", str(plan), "--jobs", "1", "--only", "choose-j-*", *folders]) == 0
    assert [path.name for path in (results / "runs").iterdir()] == ["choose-j-0.json"]
    assert main(["results", "--results", str(results)]) == 0
    assert "choose-j" in (results / "RESULTS.md").read_text(encoding="utf-8")
    assert str(results / "RESULTS.md") in capsys.readouterr().out


def test_a_study_that_fails_is_one_line_and_status_1(tmp_path, capsys):
    plan = tmp_path / "plan.toml"
    plan.write_text(
        '[[experiment]]\nname = "bad"\nseeds = [0]\ndataset = "sklearn"\npatterns = 10000', encoding="utf-8"
    )
    folders = ["--results", str(tmp_path / "results"), "--build", str(tmp_path / "build")]
    assert main(["study", "--plan", str(plan), "--jobs", "1", *folders]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: 1 of 1 runs failed") and "10000 training patterns asked for" in said


WRONG_OPTIONS = {
    "no passes": ("train --passes 0", "passes is 0"),
    "no batch": ("train --batch-size 0", "batch_size is 0"),
    "a negative j": ("train --j -1", "j is -1"),
    "a negative mu": ("train --mu -0.1", "mu is -0.1"),
    "an eta that float32 cannot hold": ("train --schedule 5e-4,1e300", "from 0 to 3.4e+38"),
    "an eta that is no number": ("train --schedule nan", "from 0 to 3.4e+38"),
    "passes without end": (f"train --passes {10**30}", f"expected a whole number from 1 to {2**31 - 1}"),
    "a batch without end": (f"train --batch-size {10**30}", f"expected a whole number from 1 to {2**31 - 1}"),
    "a negative eta": ("train --schedule=-1e-4", "schedule is"),
    "an unknown schedule": ("train --schedule fast", "--schedule is 'fast'"),
    "a penalty scale of 0": ("train --rbf-scale 0", "0"),
    "too many patterns": ("train --patterns 5000", "--patterns is 5000; expected 1 to 1437"),
    "no rate": ("train --optimizer adam", "--rate 0.001"),
    "a negative strength": ("train --distort -1 0 0 0", "translation"),
    "no curvature patterns": ("curvature --curvature-patterns 0", "curvature_patterns is 0"),
}


@pytest.mark.parametrize("line, words", WRONG_OPTIONS.values(), ids=WRONG_OPTIONS.keys())
def test_an_option_out_of_range_ends_with_status_2_and_what_was_expected(line, words, capsys):
    assert words in refused(capsys, 2, *line.split(), "--dataset", "sklearn")


OUT_OF_RANGE = [
    *(f"train {option} {value}" for option in (
        "--j", "--mu", "--rate", "--momentum", "--gamma", "--rbf-scale", "--distort 0 0 0"
    ) for value in ("1e308", "inf", "nan")),
    f"train --seed {2**70}", f"train --seed {2**32}", "curvature --seed -3", "curvature --eta 1e300",
    "study --plan p.toml --jobs 0", f"study --plan p.toml --jobs {10**30}",
]  # fmt: skip


@pytest.mark.parametrize("line", OUT_OF_RANGE)
def test_a_number_that_nothing_could_be_computed_with_is_out_of_range(line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    said = capsys.readouterr().err.splitlines()[-1]
    option = re.findall(r"--[a-z-]+", line)[-1]
    assert ended.value.code == 2
    assert re.search(f"argument {option}: .* is out of range; expected", said)


@pytest.mark.parametrize("line", ["", "frobnicate", "train --passes many", "train --init random", "predict", "study"])
def test_an_unknown_command_or_option_shows_the_usage_with_status_2(line, capsys):
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    assert ended.value.code == 2
    assert "usage: python -m lenet_helpers" in capsys.readouterr().err


def test_files_that_are_missing_or_wrong_end_with_status_1_and_their_name(small, tmp_path, capsys):
    junk = tmp_path / "junk.safetensors"
    junk.write_bytes(b"junk")
    for command in (("evaluate", junk), ("predict", "x.png", "--weights", junk), ("evaluate", tmp_path / "junk2.s")):
        assert "junk" in refused(capsys, 1, *command)
    assert "nowhere" in refused(capsys, 1, "table", tmp_path / "nowhere.json")
    assert "not a training history" in refused(capsys, 2, "table", junk)
    assert "MNIST" in refused(capsys, 1, "evaluate", small[0], "--dataset", "mnist", "--data", broken_mnist(tmp_path))
    assert "no runs" in refused(capsys, 1, "results", "--results", tmp_path)


def broken_mnist(folder):
    """A folder that has one file of MNIST's name in it, and that one is wrong."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "t10k-labels-idx1-ubyte").write_bytes(b"<html>")
    return folder


def test_a_place_that_cannot_be_written_is_refused_before_training(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lenet_helpers.cli.commands.fit", None)
    (tmp_path / "file").write_text("", encoding="utf-8")
    for option in ("--out", "--history"):
        assert "could not be written" in refused(capsys, 1, "train", *SMALL, option, tmp_path / "file" / "x")
        assert "it is a folder" in refused(capsys, 1, "train", *SMALL, option, tmp_path)


@pytest.mark.parametrize(
    "one, other", [("--history", "--out"), ("--checkpoint", "--out"), ("--history", "--checkpoint")]
)
def test_two_options_that_name_the_same_file_are_refused_before_training(one, other, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("lenet_helpers.cli.commands.fit", None)
    (tmp_path / "folder").mkdir()
    again = tmp_path / "folder" / ".." / "file"
    said = refused(capsys, 2, "train", *SMALL, one, tmp_path / "file", other, again)
    assert "are the same file" in said and "different names" in said
    if os.name != "nt":
        (tmp_path / "link").symlink_to(tmp_path / "file")
        assert "are the same file" in refused(capsys, 2, "train", *SMALL, one, tmp_path / "link", other, again)


def test_a_checkpoint_that_is_a_folder_is_said_to_be_one(tmp_path, capsys):
    said = refused(capsys, 1, "train", *SMALL, "--quiet", "--checkpoint", tmp_path)
    assert "it is a folder" in said and "does not exist" not in said


def test_penalties_that_are_not_finite_are_no_answer(small, tmp_path, capsys):
    model = load_weights(small[0])
    model.rbf.scale = 1e38  # finite, but not times a squared distance
    save_weights(model, tmp_path / "w.safetensors")
    for command in (("predict", picture_of(0, tmp_path / "0.png"), "--weights"), ("evaluate", "--dataset", "sklearn")):
        said = refused(capsys, 1, *command, tmp_path / "w.safetensors")
        assert re.search("w.safetensors: .*(NaN or inf.* penalties|penalties with NaN or inf)", said)


@pytest.mark.parametrize("codes", [ASCII_CODES, DIGIT_CODES.flip(0)], ids=["all signs", "another order"])
def test_weights_of_other_signs_than_the_digits_answer_with_no_digit(codes, tmp_path, capsys):
    save_weights(LeNet5(codes=codes), tmp_path / "w.safetensors")
    for command in (("predict", picture_of(0, tmp_path / "0.png"), "--weights"), ("evaluate", "--dataset", "sklearn")):
        assert "expected those of the digits 0 to 9" in refused(capsys, 1, *command, tmp_path / "w.safetensors")


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="such names are no file names here")
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_a_name_that_cannot_be_printed_is_escaped_and_the_rest_is_read(encoding, small, tmp_path):
    names = [b"caf\xe9.png", "tr\u00e8s \u4e94.png".encode(), b"two\nlines\x1b[31m.png", b"last.png"]
    files = [os.fsencode(tmp_path) + b"/" + name for name in names]
    for file in files[:-1]:
        picture_of(0, os.fsdecode(file))
    files[-1:] = [os.fsencode(tmp_path) + b"/missing \xff", os.fsencode(picture_of(6, os.fsdecode(files[-1])))]
    command = [sys.executable, "-m", "lenet_helpers", "predict", "--weights", str(small[0]), *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert done.returncode == 1, "one is missing"
    lines, complaints = done.stdout.splitlines(), done.stderr.splitlines()
    answers = [re.search(rb": (\d)   penalties", line)[1] for line in lines]
    assert answers == [b"0", b"0", b"0", b"6"] and len(complaints) == 1
    assert rb"caf\udce9.png: 0" in lines[0] and rb"two\nlines\x1b[31m.png: 0" in lines[2]
    assert rb"missing \udcff is left out" in complaints[0] and b"Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the pipe is made as Unix makes it")
def test_a_training_whose_reader_has_gone_ends_well_and_writes_its_files(tmp_path):
    """As in `train ... 2>&1 | head -1`: what nobody reads is no error."""
    out = tmp_path / "weights.safetensors"
    reader, writer = os.pipe()
    command = [sys.executable, "-m", "lenet_helpers", "train", *SMALL, "--out", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=writer, stderr=writer)
    os.close(writer)
    os.close(reader)
    assert process.wait() == 0 and out.is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="the streams are closed as Unix closes them")
def test_a_training_without_standard_streams_writes_its_files(tmp_path):
    """As in `train ... >&- 2>&-`, or where a service starts it."""
    out = tmp_path / "weights.safetensors"
    line = [sys.executable, "-m", "lenet_helpers", "train", *SMALL, "--out", str(out)]
    process = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&- 2>&-', *line], cwd=ROOT)
    assert process.returncode == 0 and load_weights(out).facts["passes"] == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a stream that is always full")
def test_a_standard_output_that_is_full_is_said_to_be():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lenet_helpers", "evaluate", "--dataset", "sklearn"], cwd=ROOT, stdout=full,
            stderr=subprocess.PIPE, encoding="utf-8",
        )  # fmt: skip
    assert done.returncode == 1 and re.fullmatch("error: .*No space left on device.*\n", done.stderr)


def test_weights_that_exist_stay_when_the_place_is_checked(small, tmp_path, capsys):
    path = tmp_path / "weights.safetensors"
    save_weights(LeNet5(), path)
    before = path.read_bytes()
    refused(capsys, 2, "train", *SMALL, "--batch-size", "0", "--out", path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


def test_a_diverging_training_is_one_line_and_status_1(tmp_path, capsys):
    out = tmp_path / "weights.safetensors"
    said = refused(capsys, 1, "train", *SMALL[:4], "--schedule", "0.01", "--quiet", "--out", out)
    assert "diverged" in said and not out.exists()


def test_a_checkpoint_of_another_run_is_one_line_and_status_1(tmp_path, capsys):
    line = ["train", "--patterns", "30", "--passes", "1", "--dataset", "sklearn", "--quiet"]
    line += ["--checkpoint", str(tmp_path / "checkpoint.safetensors")]
    assert main(line) == 0
    capsys.readouterr()
    assert "its seed is 0, here it is 1" in refused(capsys, 1, *line, "--seed", "1")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_with_status_130_and_the_same_command_goes_on_to_the_same_bits(tmp_path):
    def command(folder):
        names = ("weights.safetensors", "history.json", "checkpoint.safetensors")
        files = [str(tmp_path / folder / name) for name in names]
        options = ["--quiet", "--passes", "15", "--out", files[0], "--history", files[1], "--checkpoint", files[2]]
        return files, ["train", *SMALL, *options]

    def trained(files):
        return load_weights(files[0]), History.load(files[1])

    files, line = command("cut")
    # A shell's background job ignores SIGINT and hands that on to the processes it starts.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        process = start(*line)
    finally:
        signal.signal(signal.SIGINT, before)
    while not Path(files[2]).exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert "run the same again and it goes on from" in said and "Traceback" not in said
    assert not Path(files[0]).exists()
    whole, uninterrupted = command("whole")
    assert main(line) == main(uninterrupted) == 0
    resumed, expected = trained(files), trained(whole)
    resumed[1].command = expected[1].command
    assert same_run(resumed, expected)


def test_help_does_not_wait_for_torch():
    code = "import sys; sys.argv = ['x', 'train', '--help']; import lenet_helpers.cli.parser as m\n"
    code += "try: m.main()\nexcept SystemExit: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=os.environ, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert "--checkpoint FILE" in done.stdout and torch.__version__ not in done.stdout
