"""Training: fifty steps, passes without a gradient, every loss, a loss of one's own."""

import numpy as np
import torch
from tinker import TrainingClient, types
from world import BASE_MODEL, World, adam, logprobs


def run(world: World) -> TrainingClient:
    training = create(world)
    fifty_steps(world, training)
    forward_only(world, training)
    losses(world, training)
    many_targets(world, training)
    custom_loss(world, training)
    return training


def create(world: World) -> TrainingClient:
    record, service = world.record, world.service("main")
    models = service.get_server_capabilities().supported_models
    record.words("capabilities/names", [model.model_name for model in models])
    record.wholes("capabilities/context lengths", [[model.max_context_length or 0 for model in models]])
    training = service.create_lora_training_client(
        base_model=BASE_MODEL, rank=8, seed=11, user_metadata={"run": "first"}
    )
    info = training.get_info()
    data = info.model_data
    record.words("info/names", [info.model_name, data.model_name, data.arch, data.tokenizer_id, info.is_lora])
    record.wholes("info/rank", [[info.lora_rank or 0]])
    return training


def fifty_steps(world: World, training: TrainingClient) -> None:
    record = world.record
    steps = []
    for step in range(50):
        first = 4 * (step % 2)
        batch = world.batch(first, first + 1, first + 2, first + 3)
        # Both are under way before either is waited for.
        steps.append((training.forward_backward(batch, "cross_entropy"), training.optim_step(adam())))
    passes = [forward.result() for forward, _ in steps]
    updates = [update.result() for _, update in steps]
    record.doubles("train/losses", [output.metrics["loss:sum"] for output in passes])
    record.metrics("train/metrics", [output.metrics for output in passes])
    record.metrics("train/optimizer metrics", [update.metrics or {} for update in updates])
    record.floats("train/log-probs", [row for output in passes for row in logprobs(output)])
    record.words("train/output types", [output.loss_fn_output_type for output in passes])


def forward_only(world: World, training: TrainingClient) -> None:
    record = world.record
    outputs = [training.forward(world.batch(0, 1), "cross_entropy").result() for _ in range(2)]
    record.metrics("forward/metrics", [output.metrics for output in outputs])
    record.floats("forward/log-probs", [row for output in outputs for row in logprobs(output)])
    still = training.optim_step(adam(0.0)).result()
    record.metrics("forward/leaves no gradient", [still.metrics or {}])
    twice = [training.forward_backward(world.batch(0), "cross_entropy") for _ in range(2)]
    record.metrics("forward/passes that accumulate", [output.result().metrics for output in twice])
    record.metrics("forward/their gradient", [training.optim_step(adam(0.0)).result().metrics or {}])


def losses(world: World, training: TrainingClient) -> None:
    record = world.record
    plain = training.forward(world.batch(2), "cross_entropy").result()
    known = np.array(logprobs(plain)[0], dtype=np.float32)
    places = np.arange(known.size)
    sampled = known + np.float32(0.25) * (places % 3 - 1).astype(np.float32)
    advantages = ((places * 7 % 11 - 5) / 4).astype(np.float32)
    inputs = {"logprobs": sampled, "advantages": advantages}
    thresholds = {
        "clip_low_threshold": np.full(known.size, 0.75, dtype=np.float32),
        "clip_high_threshold": np.full(known.size, 1.125, dtype=np.float32),
    }
    weights = ((places % 5) / 4).astype(np.float32)
    cases = [
        ("cross_entropy", {"weights": weights}, None),
        ("importance_sampling", inputs, None),
        ("ppo", inputs, None),
        ("ppo", inputs, {"clip_low_threshold": 0.9, "clip_high_threshold": 1.1}),
        ("ppo", {**inputs, **thresholds}, None),
        ("cispo", inputs, None),
        ("cispo", inputs, {"clip_low_threshold": 0.5, "clip_high_threshold": 1.5}),
        ("dro", inputs, {"beta": 0.05}),
    ]
    for number, (loss, tensors, config) in enumerate(cases):
        name = f"loss {number} {loss}"
        output = training.forward_backward([world.datum(2, **tensors)], loss, config).result()
        record.metrics(f"{name}/metrics", [output.metrics])
        record.floats(f"{name}/log-probs", logprobs(output))
        # A learning rate of 0 changes no weight, and tells how large the gradient was.
        record.metrics(f"{name}/gradient", [training.optim_step(adam(0.0)).result().metrics or {}])


def many_targets(world: World, training: TrainingClient) -> None:
    record = world.record
    tokens = world.passage(3)
    rows, columns = len(tokens) - 1, 8
    targets = np.array([[(tokens[row + 1] + 5 * column) % 256 for column in range(columns)] for row in range(rows)])
    dense = np.array([[(row + column) % 4 / 8 for column in range(columns)] for row in range(rows)], dtype=np.float32)
    sparse = torch.zeros(rows, columns)
    for row in range(0, rows, 5):
        sparse[row, row % columns] = 0.5
    for name, weights in (("dense", dense), ("sparse", sparse)):
        datum = types.Datum(
            model_input=types.ModelInput.from_ints(tokens[:-1]),
            loss_fn_inputs={"target_tokens": targets, "weights": weights},
        )
        output = training.forward_backward([datum], "cross_entropy").result()
        [result] = output.loss_fn_outputs
        record.metrics(f"many targets, {name} weights/metrics", [output.metrics])
        record.floats(f"many targets, {name} weights/log-probs", logprobs(output))
        record.wholes(f"many targets, {name} weights/shape", [result["logprobs"].shape or []])
        record.metrics(f"many targets, {name} weights/gradient", [training.optim_step(adam(0.0)).result().metrics or {}])


def custom_loss(world: World, training: TrainingClient) -> None:
    """A quarter of the squares, less an eighth of the values: a gradient without any rounding but its own."""

    def loss(data: list[types.Datum], rows: list[torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        terms = [(row**2 * 0.25 - row * 0.125).sum() for row in rows]
        squares = [value * value for row in rows for value in row.tolist()]
        total = 0.0
        for square in squares:
            total += square
        return torch.stack(terms).sum(), {"squares": total, "data": float(len(data))}

    record = world.record
    outputs, updates = [], []
    for step in range(3):
        outputs.append(training.forward_backward_custom(world.batch(step, step + 1), loss).result())
        updates.append(training.optim_step(adam()).result())
    record.metrics("custom loss/metrics", [output.metrics for output in outputs])
    record.floats("custom loss/log-probs", [row for output in outputs for row in logprobs(output)])
    record.metrics("custom loss/gradients", [update.metrics or {} for update in updates])
