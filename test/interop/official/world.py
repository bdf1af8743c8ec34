"""The servers of the scenario, and the text that is learned."""

import json
from pathlib import Path

import numpy as np
import tinker
from record import Record
from tinker import types

BASE_MODEL = "emulator/tiny"
PASSAGE = 65


class World:
    """One run of the scenario: what the runner decided, and what came out."""

    def __init__(self, plan_file: str) -> None:
        plan = json.loads(Path(plan_file).read_text())
        self.record = Record()
        self.output: str = plan["output"]
        self._addresses: dict[str, str] = plan["addresses"]
        self._text = Path(plan["text"]).read_bytes()
        self._services: dict[str, tinker.ServiceClient] = {}

    def service(self, server: str, api_key: str = "tml-interop") -> tinker.ServiceClient:
        """The client of a server, one each."""
        if server not in self._services:
            self._services[server] = tinker.ServiceClient(
                base_url=self._addresses[server],
                api_key=api_key,
                user_metadata={"purpose": "interop", "server": server},
                project_id="project-0" if server == "serial" else None,
            )
        return self._services[server]

    def stranger(self, server: str) -> tinker.ServiceClient:
        """Somebody with a key that the server does not know."""
        return tinker.ServiceClient(base_url=self._addresses[server], api_key="tml-stranger")

    def passage(self, number: int, length: int = PASSAGE) -> list[int]:
        """Some text, one token a byte."""
        start = number * 97 % (len(self._text) - length)
        return list(self._text[start : start + length])

    def datum(self, number: int, length: int = PASSAGE, **inputs: object) -> types.Datum:
        """An example that predicts each next token."""
        tokens = self.passage(number, length)
        targets = np.array(tokens[1:], dtype=np.int64)
        return types.Datum(
            model_input=types.ModelInput.from_ints(tokens[:-1]),
            loss_fn_inputs={"target_tokens": targets, **inputs},
        )

    def batch(self, *numbers: int) -> list[types.Datum]:
        return [self.datum(number) for number in numbers]


def adam(learning_rate: float = 0.005) -> types.AdamParams:
    return types.AdamParams(learning_rate=learning_rate)


def logprobs(output: types.ForwardBackwardOutput) -> list[list[float]]:
    return [datum["logprobs"].data for datum in output.loss_fn_outputs]
