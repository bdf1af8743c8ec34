"""What goes wrong, and how it is told: operations that fail, requests that are refused, results that are gone."""

import re
from collections.abc import Callable

import numpy as np
import tinker
from tinker import TrainingClient, types
from tinker.lib.retryable_exception import RetryableException
from world import BASE_MODEL, World, adam, logprobs


def run(world: World, training: TrainingClient) -> None:
    failed_operations(world, training)
    refused_requests(world)
    expired_results(world)
    tokens(world)


def outcome(call: Callable[[], object]) -> str:
    """How a call ends, in words that both sides can say."""
    try:
        call()
    except tinker.RequestFailedError as error:
        [said] = re.findall(r"^Request failed: (.*) for self\.request_id=.*$", error.message)
        return f"failed, {error.category.name.lower()}: {said}"
    except tinker.APIStatusError as error:
        return f"status {error.status_code}: {error.body['detail'] if isinstance(error.body, dict) else ''}"
    except RetryableException:
        return "expired"
    return "done"


def failed_operations(world: World, training: TrainingClient) -> None:
    record, service = world.record, world.service("main")
    missing = f"tinker://{training.model_id}/weights/nobody"
    image = types.ImageChunk(data=b"\x89PNG", format="png", expected_tokens=4)
    seen = types.ModelInput(chunks=[image, types.EncodedTextChunk(tokens=[1, 2])])
    spoken = types.ModelInput(chunks=[types.DmelChunk(dmel=bytes([4, 2, 1, 80])), types.EncodedTextChunk(tokens=[1])])
    target = {"target_tokens": np.array([3, 4, 5, 6, 7, 8], dtype=np.int64)}
    spoken_target = {"target_tokens": np.array([3, 4], dtype=np.int64)}
    sampler = service.create_sampling_client(base_model=BASE_MODEL)
    params = types.SamplingParams(max_tokens=2, seed=1)
    long = types.ModelInput.from_ints(world.passage(0, 300))
    other = world.service("small").create_sampling_client(base_model=BASE_MODEL)
    calls: list[Callable[[], object]] = [
        lambda: training.load_state(missing).result(),
        lambda: training.forward_backward([types.Datum(seen, target)], "cross_entropy").result(),
        lambda: training.forward_backward([types.Datum(spoken, spoken_target)], "cross_entropy").result(),
        lambda: sampler.sample(seen, 1, params).result(),
        lambda: other.sample(long, 1, params).result(),
    ]
    said = [outcome(call).replace(training.model_id, "RUN") for call in calls]
    record.words("failed/what is said", said)
    # A failure is one operation's: the next ones go on.
    after = training.forward_backward(world.batch(0), "cross_entropy").result()
    record.floats("failed/what comes after", logprobs(after))
    record.metrics("failed/its gradient", [training.optim_step(adam(0.0)).result().metrics or {}])


def refused_requests(world: World) -> None:
    service = world.service("main")
    rest = service.create_rest_client()
    calls: list[Callable[[], object]] = [
        lambda: rest.get_training_run("nobody").result(),
        lambda: rest.get_weights_info_by_tinker_path("tinker://nobody/weights/x").result(),
        lambda: service.create_sampling_client(model_path="tinker://nobody/sampler_weights/x"),
        lambda: service.create_lora_training_client(base_model="nobody/nothing"),
        lambda: world.stranger("guarded").create_rest_client().list_training_runs().result(),
    ]
    world.record.words("refused/what is said", [outcome(call) for call in calls])


def expired_results(world: World) -> None:
    """A server that keeps results for two seconds, and polls that come too late."""
    record, service = world.record, world.service("late")
    training = service.create_lora_training_client(base_model=BASE_MODEL, rank=4, seed=9)
    passed = training.forward_backward(world.batch(0), "cross_entropy").result()
    record.words("expired/update", [outcome(lambda: training.optim_step(adam()).result())])
    # It was applied nevertheless.
    after = training.forward(world.batch(0), "cross_entropy").result()
    record.metrics("expired/before and after", [passed.metrics, after.metrics])
    # A sample is asked for anew.
    sampler = service.create_sampling_client(base_model=BASE_MODEL)
    prompt = types.ModelInput.from_ints(world.passage(4, 16))
    [sequence] = sampler.sample(prompt, 1, types.SamplingParams(max_tokens=8, seed=3)).result().sequences
    record.wholes("expired/sample's tokens", [sequence.tokens])
    record.floats("expired/sample's log-probs", [sequence.logprobs])


def tokens(world: World) -> None:
    """A server that gives tokens for a key."""
    service = world.service("guarded", "tml-guarded")
    training = service.create_lora_training_client(base_model=BASE_MODEL, rank=2, seed=1)
    output = training.forward_backward(world.batch(1), "cross_entropy").result()
    world.record.metrics("guarded/metrics", [output.metrics, training.optim_step(adam()).result().metrics or {}])
    world.record.floats("guarded/log-probs", logprobs(output))
    me = service.create_rest_client().whoami().result()
    world.record.words("guarded/who", [me.user_urn, me.email])
