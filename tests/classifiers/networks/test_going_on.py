"""A training that was killed goes on to the same digits; one that is of other events, or damaged, begins anew."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from hepml.classifiers.networks.classifier import NNClassifier
from hepml.errors import HepmlError

pytest.importorskip("torch", reason="torch is not installed")

OPTIONS = {"width": 8, "epochs": 6, "batch_size": 128, "n_jobs": 1, "device": "cpu", "dropout": 0.1}

# a training that dies in the middle of an epoch, as by a batch system
KILLED = """
import sys
from pathlib import Path
import numpy as np
from hepml.classifiers.networks.classifier import NNClassifier
from hepml.classifiers.networks import checkpoint
from tests.classifiers.networks.test_going_on import OPTIONS, events
write = checkpoint.Checkpoint.write
def slow(self, progress):
    write(self, progress)
    print("epoch", flush=True)
    if len(progress.training) == 3:
        import time
        time.sleep(60)
checkpoint.Checkpoint.write = slow
NNClassifier(**OPTIONS).fit(*events(1), validation=(*events(2), None), checkpoint=Path(sys.argv[1]))
"""


def events(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, 1500)
    return (rng.normal(size=(1500, 3)) + 0.5 * y[:, None]).astype(np.float32), y


def _margins(model: NNClassifier) -> np.ndarray:
    return model.decision_function(events(3)[0])


def test_a_killed_training_goes_on_to_the_same_digits(tmp_path):
    path = tmp_path / ".NN.training"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    for _ in range(3):
        assert process.stdout.readline() == "epoch\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert path.is_file()
    written = path.stat().st_mtime_ns
    resumed = NNClassifier(**OPTIONS).fit(*events(1), validation=(*events(2), None), checkpoint=path)
    whole = NNClassifier(**OPTIONS).fit(*events(1), validation=(*events(2), None))
    assert path.stat().st_mtime_ns > written
    np.testing.assert_array_equal(_margins(resumed), _margins(whole))
    assert resumed.training_report_ == whole.training_report_


def test_what_is_complete_is_not_trained_again(tmp_path):
    path = tmp_path / "NN.training"
    first = NNClassifier(**OPTIONS).fit(*events(1), validation=(*events(2), None), checkpoint=path)
    begin = time.process_time()
    again = NNClassifier(**OPTIONS).fit(*events(1), validation=(*events(2), None), checkpoint=path)
    assert time.process_time() - begin < 60.0
    np.testing.assert_array_equal(_margins(first), _margins(again))


@pytest.mark.parametrize("damage", ["other events", "other options", "truncated", "text"])
def test_another_training_begins_anew(tmp_path, damage):
    path = tmp_path / "NN.training"
    X, y = events(1)
    NNClassifier(**{**OPTIONS, "epochs": 2}).fit(X, y, checkpoint=path)
    options = {**OPTIONS, "epochs": 3 if damage == "other options" else 2}
    if damage == "other events":
        y = 1 - y
    if damage == "truncated":
        path.write_bytes(path.read_bytes()[:-200])
    if damage == "text":
        path.write_text("not a training")
    again = NNClassifier(**options).fit(X, y, checkpoint=path)
    np.testing.assert_array_equal(_margins(again), _margins(NNClassifier(**options).fit(X, y)))


def test_a_loss_that_diverges_keeps_the_last_good_state(tmp_path):
    path = tmp_path / "NN.training"
    X, y = events(1)
    # each step multiplies all parameters by 1 - rate * decay, which is far below -1 once the rate has risen
    wild = {**OPTIONS, "epochs": 60, "weight_decay": 2000.0, "learning_rate": 0.02, "ema_decay": 0.0}
    with pytest.raises(HepmlError, match=r"not finite after epoch \d+: lower .*the state after epoch .* is kept"):
        NNClassifier(**wild).fit(X, y, checkpoint=path)
    assert path.is_file()
