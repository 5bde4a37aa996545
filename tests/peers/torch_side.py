#!/usr/bin/env python3
"""The Python side of `deno task peers`: one case a process, run on request, so that two sides can take turns.

    python tests/peers/torch_side.py CASE [--vocabulary 512] [--threads N]

Protocol, one line each: the process writes {"ready": CASE, "configuration": ..., "versions": {...}} when it is built;
each "run CASE" on standard input is answered by {"seconds": ..., "peakBytes": ...} (the process's peak so far); "quit" or
the end of input ends it. A failure is {"error": "..."} and exit code 1. Everything that libraries print goes to
standard error. Weights and tokens are random and seeded: speed and memory do not depend on their values.

Configurations are the fastest of those tried on CPU; README.md beside this file lists them.
"""

import argparse
import json
import os
import platform
import sys
import time
from importlib.metadata import version

# transformers' Llama; heads of 32 and of 64.
SHAPES = {
    "embedded": dict(
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        intermediate_size=384,
        max_position_embeddings=256,
    ),
    "smollm2": dict(
        hidden_size=576,
        num_hidden_layers=30,
        num_attention_heads=9,
        num_key_value_heads=3,
        intermediate_size=1536,
        vocab_size=49152,
        max_position_embeddings=2048,
    ),
}
# transformers' Qwen2 as Qwen2.5-0.5B has it.
QWEN = dict(
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    vocab_size=151936,
    max_position_embeddings=32768,
    rms_norm_eps=1e-6,
    tie_word_embeddings=True,
    rope_parameters=dict(rope_type="default", rope_theta=1000000.0),
)
TRAIN_BATCH = {"embedded": (64, 96), "smollm2": (4, 256)}  # rows, tokens
# prompts, completions of each, prompt, new tokens
GENERATION = {"embedded": (8, 8, 48, 48), "smollm2": (2, 8, 48, 64), "qwen": (16, 1, 48, 200)}
REAL_STEP = (4, 8, 200, 8)  # prompts, completions of each, new tokens, completions in one backward pass (TRL's default)
TUNING = (2, 256, 200)  # rows, prompt, completion
RANK, ALPHA = 16, 32
PAD, BOS, EOS = 0, 1, 2


def peak_bytes() -> int:
    """Largest resident size of this process so far."""
    if platform.system() == "Linux":
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    if platform.system() == "Windows":
        import psutil

        return psutil.Process().memory_info().peak_wset
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


class Protocol:
    """Keeps the real standard output for itself and sends everything else that is printed to standard error."""

    def __init__(self, case: str):
        self.case = case
        self.output = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def write(self, message: dict) -> None:
        self.output.write(json.dumps(message) + "\n")
        self.output.flush()

    def ready(self, configuration: str) -> None:
        packages = ["torch", "transformers"] + (["trl"] if self.case.startswith("grpo-") else [])
        packages += ["peft"] if self.case.startswith("lora-") else []
        versions = {"python": platform.python_version(), **{name: version(name) for name in packages}}
        self.write({"ready": self.case, "configuration": configuration, "versions": versions})

    def wait(self) -> None:
        """Returns at the next "run"; ends the process at "quit" or the end of input."""
        line = sys.stdin.readline()
        if line.strip() in ("", "quit"):
            raise SystemExit(0)
        if line.split() != ["run", self.case]:
            raise ValueError(f"Cannot run '{line.strip()}': this process runs 'run {self.case}'")

    def answer(self, seconds: float, cpu_seconds: float, tokens: int | None = None) -> None:
        measured = {"seconds": seconds, "cpuSeconds": cpu_seconds, "peakBytes": peak_bytes()}
        self.write({**measured, **({} if tokens is None else {"tokens": tokens})})

    def serve(self, configuration: str, step) -> None:
        self.ready(configuration)
        while True:
            self.wait()
            start, cpu = time.perf_counter(), time.process_time()
            step()
            self.answer(time.perf_counter() - start, time.process_time() - cpu)


def build_model(shape: str, vocabulary: int, attention: str = "sdpa"):
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    if shape == "qwen":
        from transformers import Qwen2Config, Qwen2ForCausalLM

        return Qwen2ForCausalLM(Qwen2Config(**QWEN, attn_implementation=attention))
    options = {"vocab_size": vocabulary, **SHAPES[shape]}
    config = LlamaConfig(
        **options, tie_word_embeddings=True, pad_token_id=PAD, bos_token_id=BOS, eos_token_id=EOS, attn_implementation=attention
    )
    return LlamaForCausalLM(config)


def train(protocol: Protocol, vocabulary: int, shape: str, compiled: bool, bfloat16: bool) -> None:
    """Forward, cross-entropy at every position, backward, clipping by global norm, fused AdamW."""
    import torch

    model = build_model(shape, vocabulary).train()
    rows, length = TRAIN_BATCH[shape]
    tokens = torch.randint(0, model.config.vocab_size, (rows, length))
    targets = torch.randint(0, model.config.vocab_size, (rows * length,))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, betas=(0.9, 0.99), fused=True)

    def loss_of(tokens, targets):
        logits = model(input_ids=tokens, use_cache=False).logits  # [B, T, V]
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets)

    loss_function = torch.compile(loss_of) if compiled else loss_of

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            loss = loss_function(tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    mode = f"{'torch.compile' if compiled else 'eager'}, {'bfloat16 autocast' if bfloat16 else 'float32'}"
    protocol.serve(f"{mode}, sdpa, fused AdamW", step)


def tune(protocol: Protocol, adapter: bool, bfloat16: bool) -> None:
    """An update of Qwen2.5-0.5B's shape on prompts with completions: the policy gradient's loss at completion tokens, whose
    logits alone are made; clipping, fused AdamW. With an adapter, PEFT's LoRA on all linear layers."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    model = Qwen2ForCausalLM(Qwen2Config(**QWEN, attn_implementation="sdpa")).train()
    if adapter:
        from peft import LoraConfig, get_peft_model

        options = dict(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
        model = get_peft_model(model, LoraConfig(**options))
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-5, betas=(0.9, 0.99), fused=True)
    rows, prompt, completion = TUNING
    tokens = torch.randint(0, QWEN["vocab_size"], (rows, prompt + completion))
    advantages = torch.where(torch.arange(rows) % 2 == 0, 1.0, -1.0)[:, None]

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            logits = model(input_ids=tokens, use_cache=False, logits_to_keep=completion + 1).logits[:, :-1]
            scores = -torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, prompt:].flatten(), reduction="none")
        scores = scores.view(rows, completion).float()
        ratio = torch.exp(scores - scores.detach())
        loss = -torch.min(ratio * advantages, torch.clamp(ratio, 0.8, 1.2) * advantages).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    mode = "bfloat16 autocast" if bfloat16 else "float32"
    protocol.serve(f"{f'PEFT, rank {RANK}' if adapter else 'all weights'}, {mode}, sdpa, fused AdamW", step)


def generate(protocol: Protocol, vocabulary: int, shape: str) -> None:
    """transformers' `generate` with its KV cache: sampling at temperature 1, every row to the full length."""
    import torch

    model = build_model(shape, vocabulary).eval()
    prompts, completions, prompt_length, new_tokens = GENERATION[shape]
    tokens = torch.randint(3, model.config.vocab_size, (prompts, prompt_length)).repeat_interleave(completions, 0)
    model.generation_config.eos_token_id = None  # no row stops, nothing checks for it
    options = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=new_tokens, use_cache=True)

    def step() -> None:
        with torch.inference_mode():
            output = model.generate(input_ids=tokens, attention_mask=torch.ones_like(tokens), **options)
        if output.shape[1] != prompt_length + new_tokens:
            raise ValueError(f"Cannot use this run: rows have {output.shape[1]} tokens, not {prompt_length + new_tokens}")

    protocol.serve("generate(), float32, sdpa, dynamic cache", step)


def word_tokenizer(vocabulary: int):
    """One token a word: "w7" is token 7."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": PAD, "<bos>": BOS, "<eos>": EOS, **{f"w{token}": token for token in range(3, vocabulary)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>")


def serve_grpo(protocol: Protocol, configuration: str, options: dict, model, tokenizer, rows: list, reward) -> None:
    """Steps of TRL's GRPOTrainer: rollout, reward, loss, backward, clipping, AdamW. The trainer owns the loop, so the
    protocol lives in a callback: it waits before a step and answers after it."""
    import tempfile

    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    counted = []

    class Turns(TrainerCallback):
        def on_step_begin(self, *arguments, **options):
            protocol.wait()
            counted.clear()
            self.start, self.cpu = time.perf_counter(), time.process_time()

        def on_step_end(self, *arguments, **options):
            protocol.answer(time.perf_counter() - self.start, time.process_time() - self.cpu, sum(counted))

    def rewarded(completions, **columns):
        counted.extend(len(ids) for ids in columns["completion_ids"])
        return reward(completions, **columns)

    with tempfile.TemporaryDirectory() as folder:
        trainer = GRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=rewarded,
            train_dataset=Dataset.from_list(rows),
            callbacks=[Turns()],
            args=GRPOConfig(
                output_dir=folder,
                use_cpu=True,
                bf16=False,
                gradient_checkpointing=False,
                loss_type="grpo",
                beta=0.0,
                max_steps=1_000_000,
                report_to="none",
                save_strategy="no",
                logging_strategy="no",
                disable_tqdm=True,
                dataloader_pin_memory=False,
                **options,
            ),
        )
        protocol.ready(configuration)
        trainer.train()


def grpo_smollm2(protocol: Protocol, arguments) -> None:
    """A step of a real policy on GSM8K's training questions, rewarded for the right number."""
    import json as lines
    import re
    from pathlib import Path

    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    prompts, completions, new_tokens, together = REAL_STEP
    system = "Respond in the following format:\n<reasoning>\n...\n</reasoning>\n<answer>\n...\n</answer>\n"
    file = Path(arguments.data_dir, "train.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for row in map(lines.loads, file[:256]):
        chat = [{"role": "system", "content": system}, {"role": "user", "content": row["question"]}]
        rows.append({"prompt": chat, "gold": row["answer"].split("####")[1].strip().replace(",", "")})

    def reward(completions, gold, **columns):
        numbers = [re.findall(r"-?\d+", chat[0]["content"].replace(",", "")) for chat in completions]
        return [float(found[-1:] == [right]) for found, right in zip(numbers, gold)]

    options = dict(
        per_device_train_batch_size=together,
        gradient_accumulation_steps=prompts * completions // together,
        num_generations=completions,
        max_completion_length=new_tokens,
        temperature=1.0,
        learning_rate=1e-6,
    )
    model = AutoModelForCausalLM.from_pretrained(arguments.policy, dtype=torch.float32, attn_implementation="sdpa")
    tokenizer = AutoTokenizer.from_pretrained(arguments.policy)
    configuration = f"GRPOTrainer, float32, sdpa, fused AdamW, {together} completions a backward pass"
    serve_grpo(protocol, configuration, options, model, tokenizer, rows, reward)


def grpo_step(protocol: Protocol, vocabulary: int) -> None:
    """One step of random weights: 64 prompts of random words, every completion to its full length."""
    import random

    prompts, completions, prompt_length, new_tokens = GENERATION["embedded"]
    draw = random.Random(0)
    texts = [" ".join(f"w{draw.randrange(3, vocabulary)}" for _ in range(prompt_length)) for _ in range(64)]

    def reward(completions, **columns):
        return [float(text.count("1")) for text in completions]

    options = dict(
        per_device_train_batch_size=prompts * completions,
        num_generations=completions,
        max_completion_length=new_tokens,
        generation_kwargs={"min_new_tokens": new_tokens},
        learning_rate=5e-5,
    )
    configuration = "GRPOTrainer, float32, sdpa, fused AdamW, no checkpointing"
    model, tokenizer = build_model("embedded", vocabulary), word_tokenizer(vocabulary)
    serve_grpo(protocol, configuration, options, model, tokenizer, [{"prompt": text} for text in texts], reward)


CASES = {"grpo-step": grpo_step}
for shape_name in SHAPES:
    for suffix, (compiled_flag, bfloat16_flag) in {
        "": (False, False),
        "-compile": (True, False),
        "-bf16": (False, True),
        "-bf16-compile": (True, True),
    }.items():
        CASES[f"train-{shape_name}{suffix}"] = (
            lambda protocol, vocabulary, s=shape_name, c=compiled_flag, b=bfloat16_flag: train(protocol, vocabulary, s, c, b)
        )
    CASES[f"generate-{shape_name}"] = lambda protocol, vocabulary, s=shape_name: generate(protocol, vocabulary, s)
for suffix, bfloat16_flag in {"": False, "-bf16": True}.items():
    CASES[f"lora-qwen{suffix}"] = lambda protocol, vocabulary, b=bfloat16_flag: tune(protocol, True, b)
    CASES[f"full-qwen{suffix}"] = lambda protocol, vocabulary, b=bfloat16_flag: tune(protocol, False, b)
CASES["generate-qwen"] = lambda protocol, vocabulary: generate(protocol, vocabulary, "qwen")
REAL_CASES = {"grpo-smollm2": grpo_smollm2}  # of a real policy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=[*CASES, *REAL_CASES])
    parser.add_argument("--vocabulary", type=int, default=512, help="vocabulary of the embedded shape")
    parser.add_argument("--threads", type=int, help="PyTorch's threads; its own default otherwise")
    parser.add_argument("--policy", help="folder of the real policy")
    parser.add_argument("--data-dir", help="GSM8K's train.jsonl and test.jsonl")
    arguments = parser.parse_args()
    protocol = Protocol(arguments.case)
    try:
        import torch

        if arguments.threads:
            torch.set_num_threads(arguments.threads)
        if arguments.case in REAL_CASES:
            REAL_CASES[arguments.case](protocol, arguments)
        else:
            CASES[arguments.case](protocol, arguments.vocabulary)
    except ImportError as error:
        protocol.write({"error": f"Python cannot import {error.name}", "missing": error.name})
        raise SystemExit(1) from error
    except Exception as error:
        protocol.write({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
