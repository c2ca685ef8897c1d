"""The training loop: best epoch, patience, checkpoints, Ctrl-C, and failures; with a fitter that counts."""

from __future__ import annotations

import math

import pytest
import torch

from helpers.small_worlds import InterruptAfter, Recorder
from refeed.errors import BundleError, InterruptedTrainingError, StorageError, TrainingError
from refeed.models import Bias
from refeed.models.base import StepReport
from refeed.progress import Advanced, Started, Stopped, silent
from refeed.training import loop as loop_module
from refeed.training.checkpoints import read_checkpoint
from refeed.training.events import EpochFinished, StepFinished
from refeed.training.loop import EpochSums, RunState, TrainingLoop


class CountingFitter:
    """Its model's mean is the number of steps taken; step k has a squared error of k + 1 over 2 ratings."""

    def __init__(self, *, epochs=5, steps=3, patience=None, fail_at=None, infinite_after=None):
        self.model, self.patience = Bias().build(1, 1, seed=0), patience
        self.epochs, self.steps, self.fail_at, self.infinite_after = epochs, steps, fail_at, infinite_after
        self.velocity = torch.zeros(1)

    def num_steps(self, epoch):
        return self.steps

    def train_step(self, epoch, step):
        if (epoch, step) == self.fail_at:
            raise TrainingError(f"epoch {epoch + 1}, batch {step + 1}: the loss is not a finite number")
        self.velocity += 1
        self.model.offsets.mean += 1
        if (epoch, step) == self.infinite_after:
            self.model.offsets.mean.fill_(math.inf)
        return StepReport(step + 1.0, 2, refeed_loss=0.5 * step)

    def learning_rate(self, epoch):
        return 1.0 / (epoch + 1)

    def state(self):
        return {"velocity": self.velocity}

    def load_state(self, tensors):
        self.velocity = tensors.get("velocity", torch.zeros(1)).clone()


def scripted(*values):
    remaining = list(values)
    return lambda: remaining.pop(0)


def taken(fitter) -> float:
    return fitter.model.offsets.mean.item()


def test_epoch_record_by_hand():
    recorder = Recorder()
    state = TrainingLoop(CountingFitter(epochs=2), validate=scripted(0.9, 0.8), progress=recorder).run()
    first, second = state.log
    assert first.train_rmse == pytest.approx(math.sqrt((1 + 2 + 3) / 6))
    assert (first.epoch, first.refeed_loss, first.valid_rmse, first.learning_rate) == (1, 0.5, 0.9, 1.0)
    assert (second.epoch, second.learning_rate) == (2, 0.5)
    assert recorder.events[0] == Started(task="training", total=2, completed=0) and recorder.events[-1] == Stopped()
    steps = [(event.epoch, event.step, event.completed) for event in recorder.of(StepFinished)]
    assert steps == [(epoch, step, epoch + step / 3) for epoch in (0, 1) for step in (1, 2, 3)]
    assert [(event.record, event.is_best) for event in recorder.of(EpochFinished)] == [(first, True), (second, True)]


def test_events_say_where_the_run_is():
    recorder = Recorder()
    TrainingLoop(CountingFitter(epochs=3), validate=scripted(0.9, 0.8, 0.85), progress=recorder).run()
    expected = [
        "epoch 1/3  train 0.7071  valid - (best -)",
        "epoch 1/3  train 0.8660  valid - (best -)",
        "epoch 1/3  train 1.0000  valid - (best -)",
        "epoch 1/3  train 1.0000  valid 0.9000 (best 0.9000)",
        "epoch 2/3  train 0.7071  valid 0.9000 (best 0.9000)",
    ]
    advanced = recorder.of(Advanced)
    assert [event.status.rpartition("  ")[0] for event in advanced][:5] == expected
    first, second, third = recorder.of(EpochFinished)
    speed = f"{third.record.ratings_per_second:,.0f} ratings/s"
    assert third.status == f"epoch 3/3  train 1.0000  valid 0.8500 (best 0.8000)  {speed}"
    assert [event.is_notable for event in (first, second, third)] == [True, False, True]


def test_best_epoch_is_restored():
    fitter = CountingFitter()
    state = TrainingLoop(fitter, validate=scripted(0.9, 0.7, 0.8, 0.7, 0.75)).run()
    assert (state.best_epoch, state.best_rmse, len(state.log)) == (2, 0.7, 5)
    assert taken(fitter) == 6.0


def test_without_validation_the_last_epoch_is_the_best():
    fitter = CountingFitter(epochs=3, patience=1)
    state = TrainingLoop(fitter, validate=None).run()
    assert (state.best_epoch, len(state.log), taken(fitter)) == (3, 3, 9.0)
    assert state.log[0].valid_rmse is None


def test_patience_counts_epochs_since_the_best_one():
    fitter = CountingFitter(epochs=9, patience=2)
    state = TrainingLoop(fitter, validate=scripted(1.0, 0.9, 0.95, 0.97, 0.1)).run()
    assert (len(state.log), state.best_epoch, taken(fitter)) == (4, 2, 6.0)


@pytest.mark.parametrize("steps", [1, 3, 4, 8, 14])
def test_interrupted_run_goes_on_where_it_stopped(tmp_path, steps):
    def run(fitter, progress=silent, resume=False):
        values = [1.0, 0.9, 0.95, 0.97, 0.99]
        loop = TrainingLoop(
            fitter, validate=lambda: values[loop.state.epoch], progress=progress, checkpoint_folder=tmp_path / "run"
        )
        if resume:
            loop.resume()
        return loop.run()

    with pytest.raises(InterruptedTrainingError, match=f"after {steps % 3 or 3} batches.*resume to continue") as caught:
        run(CountingFitter(patience=3), InterruptAfter(steps))
    assert caught.value.exit_code == 130
    fitter, recorder = CountingFitter(patience=3), Recorder()
    state = run(fitter, recorder, resume=True)
    assert len(recorder.of(StepFinished)) == 15 - steps
    assert recorder.events[0].completed == pytest.approx(steps / 3)
    assert (len(state.log), state.best_epoch, taken(fitter), fitter.velocity.item()) == (5, 2, 6.0, 15.0)
    assert [record.train_rmse for record in state.log] == [1.0] * 5


def test_interruption_without_a_checkpoint_folder_says_that_nothing_was_kept():
    with pytest.raises(InterruptedTrainingError, match="epoch 1 after 2 batches; nothing was kept"):
        TrainingLoop(CountingFitter(), validate=None, progress=InterruptAfter(2)).run()


def test_interruption_after_the_last_step_of_an_epoch_keeps_the_finished_step(tmp_path):
    with pytest.raises(InterruptedTrainingError):
        TrainingLoop(CountingFitter(), validate=None, progress=InterruptAfter(3), checkpoint_folder=tmp_path / "run").run()
    progress = read_checkpoint(tmp_path / "run").progress
    assert (progress["epoch"], progress["step"]) == (0, 3)


def test_request_during_validation_stops_before_the_next_epoch(tmp_path):
    interrupt = InterruptAfter(4)  # after the three steps of the epoch and the validation

    def validate():
        interrupt.count()
        return 1.0

    with pytest.raises(InterruptedTrainingError, match="epoch 2 after 0 batches"):
        TrainingLoop(CountingFitter(), validate=validate, progress=interrupt, checkpoint_folder=tmp_path / "run").run()
    assert read_checkpoint(tmp_path / "run").progress["epoch"] == 1


def test_second_ctrl_c_interrupts_at_once_with_the_best_epoch_in_the_model():
    fitter = CountingFitter()
    with pytest.raises(KeyboardInterrupt):
        TrainingLoop(fitter, validate=None, progress=InterruptAfter(5, times=2)).run()
    assert taken(fitter) == 3.0


def test_failure_of_a_model_whose_options_are_its_own_keeps_nothing(tmp_path):
    folder = tmp_path / "run"
    loop = TrainingLoop(
        CountingFitter(fail_at=(3, 1)),
        validate=scripted(0.9, 0.7, 0.8),
        checkpoint_folder=folder,
        options_may_change=False,
    )
    with pytest.raises(TrainingError, match=r"epoch 4, batch 2(.|\n)*start again with others"):
        loop.run()
    assert not folder.exists()


def test_failure_keeps_the_best_epoch_with_a_new_optimiser_state(tmp_path):
    folder = tmp_path / "run"
    failing = CountingFitter(fail_at=(3, 1))
    with pytest.raises(TrainingError, match=r"epoch 4, batch 2(.|\n)*last good state \(epoch 2\) is kept in"):
        TrainingLoop(failing, validate=scripted(0.9, 0.8, 0.85), checkpoint_folder=folder).run()
    assert taken(failing) == 6.0
    fitter = CountingFitter()
    loop = TrainingLoop(fitter, validate=scripted(0.7, 0.6, 0.5), checkpoint_folder=folder)
    loop.resume()
    assert (loop.state.epoch, loop.state.step, len(loop.state.log), fitter.velocity.item()) == (2, 0, 2, 0.0)
    assert loop.run().best_epoch == 5
    assert taken(fitter) == 15.0


def test_failure_in_the_first_epoch_has_no_state_to_keep(tmp_path):
    with pytest.raises(TrainingError, match="No epoch was finished, so there is no state to keep"):
        TrainingLoop(CountingFitter(fail_at=(0, 2)), validate=None, checkpoint_folder=tmp_path / "run").run()
    assert not (tmp_path / "run").exists()


def test_failure_without_a_checkpoint_folder_leaves_the_best_epoch_in_the_model():
    fitter = CountingFitter(fail_at=(1, 0))
    with pytest.raises(TrainingError, match=r"not a finite number$"):
        TrainingLoop(fitter, validate=None).run()
    assert taken(fitter) == 3.0


@pytest.mark.parametrize("validate", [None, lambda: 1.0])
def test_last_update_of_an_epoch_may_not_leave_the_model_infinite(validate):
    fitter = CountingFitter(infinite_after=(1, 2))
    with pytest.raises(TrainingError, match="epoch 2: the model or its predictions are not finite numbers"):
        TrainingLoop(fitter, validate=validate).run()
    assert taken(fitter) == 3.0


def test_validation_error_that_is_not_a_number_stops_the_run():
    with pytest.raises(TrainingError, match="epoch 1: the model or its predictions are not finite numbers"):
        TrainingLoop(CountingFitter(), validate=lambda: math.nan).run()


def test_checkpoint_of_another_run_is_refused_with_what_differs(tmp_path):
    def loop(seed, split):
        return TrainingLoop(
            CountingFitter(), validate=None, checkpoint_folder=tmp_path / "run", identity={"seed": seed, "split": split}
        )

    loop(1, "a").run()
    with pytest.raises(BundleError, match=r"of another run \(different: seed, split\)"):
        loop(2, "b").resume()
    loop(1, "a").resume()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda tensors, progress: tensors.pop("model"), "'model'"),
        (lambda tensors, progress: progress.pop("log"), "'log'"),
        (lambda tensors, progress: progress.update(surprise=1), "surprise"),
        (lambda tensors, progress: tensors["model"].pop("offsets.mean"), "offsets.mean"),
    ],
)
def test_checkpoint_that_does_not_fit_is_refused(tmp_path, monkeypatch, spoil, reason):
    TrainingLoop(CountingFitter(), validate=None, checkpoint_folder=tmp_path / "run").run()
    checkpoint = read_checkpoint(tmp_path / "run")
    spoil(checkpoint.tensors, checkpoint.progress)
    monkeypatch.setattr(loop_module, "read_checkpoint", lambda folder: checkpoint)
    with pytest.raises(BundleError, match=f"(?s)damaged checkpoint .*{reason}.*delete it and start again"):
        TrainingLoop(CountingFitter(), validate=None, checkpoint_folder=tmp_path / "run").resume()


def test_folder_of_something_else_is_refused_before_the_first_step(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    recorder = Recorder()
    with pytest.raises(StorageError, match=r"holds no checkpoint\.json"):
        TrainingLoop(CountingFitter(), validate=None, progress=recorder, checkpoint_folder=tmp_path).run()
    assert recorder.events == []


def test_checkpoints_take_a_small_share_of_the_time(tmp_path, monkeypatch):
    clock, written = [0.0], []

    def write(checkpoint, folder):
        written.append(checkpoint.progress["epoch"])
        clock[0] += 1.0  # writing takes a second, so the next one is due after twenty

    monkeypatch.setattr(loop_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(loop_module, "write_checkpoint", write)

    def validate():
        clock[0] += 6.0
        return 1.0

    TrainingLoop(CountingFitter(epochs=9), validate=validate, checkpoint_folder=tmp_path / "run").run()
    assert written == [1, 5, 9]


def test_run_state_survives_the_way_through_plain_values():
    state = RunState(epoch=2, step=1, sums=EpochSums(3.0, 4, 0.5, 1, 2.0), best_epoch=1, best_rmse=0.25)
    assert RunState.from_dict(state.to_dict()) == state
    assert RunState.from_dict(RunState().to_dict()).best_rmse == math.inf
    assert EpochSums().rmse == 0.0
