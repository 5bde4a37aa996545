#!/usr/bin/env python3
"""What transformers says about a policy folder, in float32, as JSON: an oracle for Matchbox's reader and decoder.

    python tests/peers/check_policy.py check FOLDER --chats chats.json            # token ids, last logits, greedy text
    python tests/peers/check_policy.py check FOLDER --tokens '[[1, 5, 7], [1, 5]]'  # logits [T, V] of each row
    python tests/peers/check_policy.py token_ids FOLDER --chats chats.json --texts texts.json  # token ids alone
    python tests/peers/check_policy.py make_policy_fixture FOLDER --chats chats.json --name embedded

The chats file is an array; an entry is a question (one user message) or an array of {"role", "content"}.
`make_policy_fixture` writes tests/fixtures/policies/NAME.json, which tests read without Python. Every row runs alone:
no padding, no attention mask to get wrong.
"""

import argparse
import hashlib
import json
from importlib.metadata import version
from pathlib import Path

LOGITS_KEPT = 32


def load_model(folder: Path):
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()


def read_chats(path: Path) -> list:
    chats = json.loads(path.read_text(encoding="utf-8"))
    return [[{"role": "user", "content": chat}] if isinstance(chat, str) else chat for chat in chats]


def logits_of(model, tokens: list):
    """[T, V]."""
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens]), use_cache=False).logits[0]


def eos_token_ids(model) -> list:
    eos = model.generation_config.eos_token_id
    return [] if eos is None else [eos] if isinstance(eos, int) else list(eos)


def rounded(values: list) -> list:
    return [float(f"{value:.9g}") for value in values]


def describe_chat(model, tokenizer, messages: list, new_tokens: int) -> dict:
    """Prompt, its token ids, logits after the last one, and the greedy continuation (its end token included)."""
    import torch

    template = dict(conversation=messages, add_generation_prompt=True)
    tokens = tokenizer.apply_chat_template(**template, tokenize=True, return_dict=False)
    logits = logits_of(model, tokens)[-1]  # [V]
    prompt = torch.tensor([tokens])
    with torch.inference_mode():
        generated = model.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            do_sample=False,
            temperature=None,
            top_k=None,
            top_p=None,
            max_new_tokens=new_tokens,
            return_dict_in_generate=True,
            output_logits=True,
        )
    completion = generated.sequences[0, len(tokens) :].tolist()
    best = [row[0].topk(2) for row in generated.logits]
    return {
        "messages": messages,
        "prompt": tokenizer.apply_chat_template(**template, tokenize=False),
        "tokens": tokens,
        "logits": rounded(logits[:LOGITS_KEPT].tolist()),
        "argmax": int(logits.argmax()),
        "completion": completion,
        "completionText": tokenizer.decode(completion, skip_special_tokens=True),
        # The closest call of the greedy choices: a test may excuse a different token only where this is tiny.
        "smallestMargin": float(f"{min(float(top.values[0] - top.values[1]) for top in best):.3g}"),
        # The two likeliest tokens of each choice with their logits.
        "choices": [list(zip(top.indices.tolist(), rounded(top.values.tolist()))) for top in best],
    }


def describe(folder: Path, chats: list, new_tokens: int) -> dict:
    from transformers import AutoTokenizer

    model, tokenizer = load_model(folder), AutoTokenizer.from_pretrained(folder)
    return {
        "madeWith": {name: version(name).split("+")[0] for name in ("torch", "transformers")},
        "weights": {
            file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.glob("*.safetensors"))
        },
        "maxNewTokens": new_tokens,
        "eosTokenIds": eos_token_ids(model),
        "chats": [describe_chat(model, tokenizer, messages, new_tokens) for messages in chats],
    }


def token_ids(arguments) -> None:
    """Of chats as prompts, and of texts as they stand: no special token is added."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(arguments.folder)
    options = dict(add_generation_prompt=True, tokenize=True, return_dict=False)
    chats = [tokenizer.apply_chat_template(chat, **options) for chat in read_chats(arguments.chats)]
    texts = json.loads(arguments.texts.read_text(encoding="utf-8"))
    print(json.dumps({"chats": chats, "texts": tokenizer(texts, add_special_tokens=False)["input_ids"]}))


def check(arguments) -> None:
    if arguments.tokens is not None:
        model = load_model(arguments.folder)
        rows = [logits_of(model, row).tolist() for row in json.loads(arguments.tokens)]
        print(json.dumps({"logits": [[rounded(position) for position in row] for row in rows]}))
    else:
        print(json.dumps(describe(arguments.folder, read_chats(arguments.chats), arguments.new_tokens)))


def make_policy_fixture(arguments) -> None:
    description = describe(arguments.folder, read_chats(arguments.chats), arguments.new_tokens)
    for chat in description["chats"]:
        del chat["choices"]
    chats = ",\n".join("    " + json.dumps(chat) for chat in description.pop("chats"))
    head = "".join(f"  {json.dumps(key)}: {json.dumps(value)},\n" for key, value in description.items())
    path = arguments.out / f"{arguments.name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'{{\n{head}  "chats": [\n{chats}\n  ]\n}}\n', encoding="utf-8", newline="\n")
    print(f"{path}  {path.stat().st_size} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("folder", type=Path, help="policy folder: config.json, safetensors, tokenizer, chat template")
    common.add_argument("--new-tokens", type=int, default=32, help="length of the greedy completions")

    command = commands.add_parser("check", parents=[common], help="print what transformers computes")
    given = command.add_mutually_exclusive_group(required=True)
    given.add_argument("--chats", type=Path, help="JSON file of questions or chats")
    given.add_argument("--tokens", help="JSON array of rows of token ids")
    command.set_defaults(run=check)

    command = commands.add_parser("token_ids", parents=[common], help="print token ids of chats and of texts")
    command.add_argument("--chats", type=Path, required=True, help="JSON file of questions or chats")
    command.add_argument("--texts", type=Path, required=True, help="JSON file of texts")
    command.set_defaults(run=token_ids)

    command = commands.add_parser("make_policy_fixture", parents=[common], help="write a fixture for the tests")
    command.add_argument("--chats", type=Path, required=True, help="JSON file of questions or chats")
    command.add_argument("--name", required=True, help="name of the fixture")
    command.add_argument("--out", type=Path, default=Path(__file__).parent.parent / "fixtures" / "policies")
    command.set_defaults(run=make_policy_fixture)

    arguments = parser.parse_args()
    if not (arguments.folder / "config.json").is_file():
        parser.error(f"'{arguments.folder}' holds no config.json: name a policy folder")
    arguments.run(arguments)


if __name__ == "__main__":
    main()
