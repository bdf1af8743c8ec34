"""Sampling: every parameter, log-probabilities of prompts, five hundred at once, a server that pushes back."""

import asyncio

from tinker import SamplingClient, TrainingClient, types
from world import BASE_MODEL, World

WORD = [ord(letter) for letter in "the "]


def run(world: World, training: TrainingClient) -> None:
    client = training.save_weights_and_get_sampling_client()
    parameters(world, client)
    prompts(world, client)
    at_once(world, "five hundred", client, 500)
    busy = world.service("busy").create_sampling_client(base_model=BASE_MODEL)
    at_once(world, "pushed back", busy, 12)
    slow = world.service("slow").create_sampling_client(base_model=BASE_MODEL)
    at_once(world, "long polls", slow, 3)


def parameters(world: World, client: SamplingClient) -> None:
    record = world.record
    prompt = types.ModelInput.from_ints(world.passage(1, 32))
    # Two chunks are one text.
    chunked = types.ModelInput.from_ints(world.passage(1, 20)).append(
        types.EncodedTextChunk(tokens=world.passage(1, 32)[20:])
    )
    cases = [
        ("greedy", prompt, 1, types.SamplingParams(max_tokens=12, temperature=0.0)),
        ("seeded", prompt, 1, types.SamplingParams(max_tokens=12, seed=7)),
        ("two chunks", chunked, 1, types.SamplingParams(max_tokens=12, seed=7)),
        ("four samples", prompt, 4, types.SamplingParams(max_tokens=10, seed=7)),
        ("cold", prompt, 2, types.SamplingParams(max_tokens=12, seed=8, temperature=0.3)),
        ("top k", prompt, 2, types.SamplingParams(max_tokens=12, seed=9, top_k=3)),
        ("top p", prompt, 2, types.SamplingParams(max_tokens=12, seed=10, top_p=0.4)),
        ("stop strings", prompt, 4, types.SamplingParams(max_tokens=40, seed=11, stop=["e", "th"])),
        ("one stop string", prompt, 2, types.SamplingParams(max_tokens=40, seed=11, stop=" ")),
        ("stop tokens", prompt, 4, types.SamplingParams(max_tokens=40, seed=11, stop=[WORD[1], WORD[3]])),
        ("large seed", prompt, 1, types.SamplingParams(max_tokens=12, seed=2**62 + 1)),
        ("negative seed", prompt, 1, types.SamplingParams(max_tokens=12, seed=-(2**53) - 1)),
    ]
    for name, text, samples, params in cases:
        record_sample(world, f"sample, {name}", client.sample(text, samples, params).result())
    record.words("sample/base model", [client.get_base_model()])


def prompts(world: World, client: SamplingClient) -> None:
    record = world.record
    prompt = types.ModelInput.from_ints(world.passage(2, 48))
    params = types.SamplingParams(max_tokens=4, seed=1)
    record.floats("prompt/log-probs", [client.compute_logprobs(prompt).result()])
    record.floats("prompt/of one token", [client.compute_logprobs(types.ModelInput.from_ints(WORD[:1])).result()])
    response = client.sample(prompt, 1, params, include_prompt_logprobs=True, topk_prompt_logprobs=5).result()
    record.floats("prompt/log-probs with a sample", [response.prompt_logprobs])
    rows = response.topk_prompt_logprobs or []
    record.wholes("prompt/top 5 tokens", [[token for token, _ in row or []] for row in rows])
    record.floats("prompt/top 5 log-probs", [[logprob for _, logprob in row or []] for row in rows])
    record_sample(world, "prompt, its sample", response)
    record.words("prompt/not asked for", [client.sample(prompt, 1, params).result().prompt_logprobs])


def at_once(world: World, name: str, client: SamplingClient, count: int) -> None:
    async def all_of_them() -> list[types.SampleResponse]:
        return await asyncio.gather(*(one(number) for number in range(count)))

    def one(number: int) -> "asyncio.Future[types.SampleResponse]":
        prompt = types.ModelInput.from_ints(world.passage(number, 8 + number % 17))
        params = types.SamplingParams(max_tokens=4 + number % 5, seed=number, temperature=1.0)
        return client.sample_async(prompt, 1, params)

    responses = asyncio.run(all_of_them())
    sequences = [sequence for response in responses for sequence in response.sequences]
    world.record.wholes(f"{name}/tokens", [sequence.tokens for sequence in sequences])
    world.record.floats(f"{name}/log-probs", [sequence.logprobs for sequence in sequences])
    world.record.words(f"{name}/stop reasons", [sequence.stop_reason for sequence in sequences])


def record_sample(world: World, name: str, response: types.SampleResponse) -> None:
    record, sequences = world.record, response.sequences
    record.wholes(f"{name}/tokens", [sequence.tokens for sequence in sequences])
    record.floats(f"{name}/log-probs", [sequence.logprobs for sequence in sequences])
    record.words(f"{name}/stop reasons", [sequence.stop_reason for sequence in sequences])
    record.wholes(f"{name}/cached prompt tokens", [[response.prompt_cache_hit_tokens]])
