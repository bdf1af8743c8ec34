"""What is kept: batches in chunks, saved states, saved samplers, archives."""

import hashlib
import io
import json
import tarfile
import urllib.request

import safetensors.numpy
from tinker import SamplingClient, TrainingClient, types
from world import BASE_MODEL, World, adam, logprobs


def run(world: World, training: TrainingClient) -> None:
    for server in ("small", "serial"):
        chunks(world, server)
    saved_states(world, training)
    for server in ("main", "serial"):
        from_state(world, server)
    sampler_weights(world, training)


def chunks(world: World, server: str) -> None:
    """A batch that goes out in parts, as the server asks for, and whose results are large for it."""
    record = world.record
    training = world.service(server).create_lora_training_client(base_model=BASE_MODEL, rank=4, seed=5)
    passes, updates = [], []
    for _ in range(3):
        passes.append(training.forward_backward([world.datum(n, 20 + n) for n in range(10)], "cross_entropy").result())
        updates.append(training.optim_step(adam()).result())
    passes.append(training.forward([world.datum(n, 40) for n in range(7)], "cross_entropy").result())
    record.metrics(f"chunks, {server}/metrics", [output.metrics for output in passes])
    record.floats(f"chunks, {server}/log-probs", [row for output in passes for row in logprobs(output)])
    record.metrics(f"chunks, {server}/gradients", [update.metrics or {} for update in updates])


def train_on(world: World, training: TrainingClient, number: int, steps: int = 2) -> list[dict[str, float]]:
    metrics = []
    for _ in range(steps):
        metrics.append(training.forward_backward(world.batch(number), "cross_entropy").result().metrics)
        metrics.append(training.optim_step(adam()).result().metrics or {})
    return metrics


def saved_states(world: World, training: TrainingClient) -> None:
    """The same two steps from the same state, with and without what the optimizer remembers."""
    record = world.record
    path = training.save_state("state").result().path
    record.words("state/path", [path.replace(training.model_id, "RUN")])
    record.metrics("state/after saving", train_on(world, training, 5))
    record.words("state/loaded path", [training.load_state(path).result().path == path])
    record.metrics("state/without optimizer", train_on(world, training, 5))
    training.load_state_with_optimizer(path).result()
    record.metrics("state/with optimizer", train_on(world, training, 5))
    again = training.save_state("state", ttl_seconds=3600, overwrite=True).result().path
    record.words("state/saved over", [again == path])


def from_state(world: World, server: str) -> None:
    record, service = world.record, world.service(server)
    first = service.create_lora_training_client(
        base_model=BASE_MODEL, rank=4, seed=6, train_mlp=False, train_unembed=False
    )
    train_on(world, first, 6)
    path = first.save_state("to-continue").result().path
    record.metrics(f"from state, {server}/the first one", train_on(world, first, 6))
    bare = service.create_training_client_from_state(path, user_metadata={"run": "bare"})
    record.metrics(f"from state, {server}/without optimizer", train_on(world, bare, 6))
    full = service.create_training_client_from_state_with_optimizer(path)
    record.metrics(f"from state, {server}/with optimizer", train_on(world, full, 6))
    record.wholes(f"from state, {server}/rank", [[client.get_info().lora_rank or 0 for client in (bare, full)]])


def sampler_weights(world: World, training: TrainingClient) -> None:
    record, service = world.record, world.service("main")
    path = training.save_weights_for_sampler("sampler", ttl_seconds=7200).result().path
    record.words("sampler weights/path", [path.replace(training.model_id, "RUN")])
    by_path = service.create_sampling_client(model_path=path)
    by_training = training.create_sampling_client(path)
    unnamed = training.save_weights_and_get_sampling_client()
    train_on(world, training, 7)
    after = training.save_weights_and_get_sampling_client()
    base = service.create_sampling_client(base_model=BASE_MODEL)
    for name, client in (
        ("by path", by_path),
        ("by the training client", by_training),
        ("unnamed", unnamed),
        ("after training on", after),
        ("base model", base),
    ):
        record_greedy(world, f"sampler weights, {name}", client)


def record_greedy(world: World, name: str, client: SamplingClient) -> None:
    prompt = types.ModelInput.from_ints(world.passage(7, 24))
    params = types.SamplingParams(max_tokens=16, temperature=0.0)
    [sequence] = client.sample(prompt, 1, params).result().sequences
    world.record.wholes(f"{name}/tokens", [sequence.tokens])
    world.record.floats(f"{name}/log-probs", [sequence.logprobs])
    world.record.words(f"{name}/base model", [client.get_base_model()])


def archive(world: World, path: str) -> None:
    """A download, opened as the file it is: its names, shapes and bits."""
    record = world.record
    url = world.service("main").create_rest_client().get_checkpoint_archive_url_from_tinker_path(path).result().url
    with urllib.request.urlopen(url) as answer:
        content = answer.read()
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        files = {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isfile()}
    config = json.loads(files["adapter_config.json"])
    tensors = safetensors.numpy.load(files["adapter_model.safetensors"])
    record.words("archive/files", sorted(files))
    record.words("archive/config", [json.dumps(config, sort_keys=True, separators=(",", ":"))])
    record.words("archive/tensors", [f"{name} {tensor.dtype} {list(tensor.shape)}" for name, tensor in sorted(tensors.items())])
    record.words("archive/bits", [hashlib.sha256(tensor.tobytes()).hexdigest() for _, tensor in sorted(tensors.items())])
    record.floats("archive/numbers", [tensor.flatten()[:4].tolist() for _, tensor in sorted(tensors.items())])
