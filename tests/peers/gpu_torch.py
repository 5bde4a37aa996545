#!/usr/bin/env python3
"""PyTorch's side of gpu_bench.ts: GRPO steps of one shape in eager mode, as fast as PyTorch and transformers alone do them.

Usage: gpu_torch.py TASK, TASK being JSON (gpu_bench.ts, Task; "config" is the model's config.json). It needs torch and
transformers. It writes lines of JSON: {"ready": configuration, "versions": {...}} once built, {"rollout": seconds,
"update": seconds} after each step, {"peakBytes": ...} at the end, or {"error": ...} and exit code 1. Everything that
libraries print goes to standard error.

Rollout: transformers' `generate` with a static KV cache, sampling at temperature 1, every row to the full length. Update:
the policy gradient's loss at completion tokens, whose logits alone are made, backward pass by backward pass of
`microBatch` rows; clipping by global norm; fused AdamW. bf16: weights, gradients and optimizer state are all bfloat16,
the fastest way. tf32: float32 with TF32 products. An adapter is LoRA on all linear layers, merged while it generates.
"""

import json
import os
import platform
import sys
import time
from importlib.metadata import version


def build(task):
    import torch
    from transformers import AutoModelForCausalLM, CONFIG_MAPPING

    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high" if task["precision"] == "tf32" else "highest")
    dtype = torch.bfloat16 if task["precision"] == "bf16" else torch.float32
    options = {name: value for name, value in task["config"].items() if name not in ("architectures", "model_type")}
    config = CONFIG_MAPPING[task["config"]["model_type"]](**options)
    with torch.device(task["device"]):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype, attn_implementation="sdpa")
    model.generation_config.eos_token_id = None  # no row stops, nothing checks for it
    model.generation_config.pad_token_id = 0
    return model


def add_adapter(model, rank):
    """Freezes the model and puts B A * 2 beside every linear layer of its blocks, as PEFT does with alpha = 2 rank."""
    import torch
    from torch import nn

    class Adapted(nn.Module):
        def __init__(self, base):
            super().__init__()
            self.base, like = base, dict(device=base.weight.device, dtype=base.weight.dtype)
            self.a = nn.Parameter(torch.randn(rank, base.in_features, **like) / base.in_features**0.5)
            self.b = nn.Parameter(torch.zeros(base.out_features, rank, **like))
            self.merged = False

        def forward(self, x):
            y = self.base(x)
            return y if self.merged else y + (x @ self.a.T) @ self.b.T * 2

        @torch.no_grad()
        def merge(self, sign):
            self.base.weight.add_(self.b @ self.a, alpha=2 * sign)
            self.merged = sign > 0

    model.requires_grad_(False)
    adapted = []
    for block in model.model.layers:
        for parent in (block.self_attn, block.mlp):
            for name, layer in list(parent.named_children()):
                if isinstance(layer, nn.Linear):
                    adapted.append(Adapted(layer))
                    setattr(parent, name, adapted[-1])
    return adapted


def serve(task, say):
    import torch

    device, on_card = task["device"], task["device"] != "cpu"
    if on_card and not torch.cuda.is_available():
        raise RuntimeError("PyTorch sees no CUDA device")
    model = build(task)
    adapted = add_adapter(model, task["rank"]) if task["rank"] else []
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=1e-6, betas=(0.9, 0.99), fused=True)
    prompts, completions, prompt, new = (task[name] for name in ("prompts", "completions", "promptTokens", "tokens"))
    vocabulary, rows, part = task["config"]["vocab_size"], prompts * completions, task["microBatch"] or completions
    asked = torch.randint(3, vocabulary, (prompts, prompt), device=device).repeat_interleave(completions, 0)
    advantages = torch.where(torch.arange(rows, device=device) % 2 == 0, 1.0, -1.0)[:, None]
    options = dict(do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=new, min_new_tokens=new)
    options |= dict(cache_implementation="static", disable_compile=True)
    wait = torch.cuda.synchronize if on_card else lambda: None

    def roll_out():
        model.eval()
        for layer in adapted:
            layer.merge(1)
        with torch.inference_mode():
            tokens = model.generate(input_ids=asked, attention_mask=torch.ones_like(asked), **options)
        for layer in adapted:
            layer.merge(-1)
        return tokens.clone()

    def update(tokens):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        for start in range(0, rows, part):
            some, advantage = tokens[start : start + part], advantages[start : start + part]
            logits = model(input_ids=some, use_cache=False, logits_to_keep=new + 1).logits[:, :-1]
            scores = -torch.nn.functional.cross_entropy(
                logits.flatten(0, 1).float(), some[:, prompt:].flatten(), reduction="none"
            ).view(-1, new)
            ratio = torch.exp(scores - scores.detach())
            loss = -torch.min(ratio * advantage, torch.clamp(ratio, 0.8, 1.2) * advantage).sum() / (rows * new)
            loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()

    def timed(work, *arguments):
        wait()
        start = time.perf_counter()
        result = work(*arguments)
        wait()
        return result, time.perf_counter() - start

    name = torch.cuda.get_device_name() if on_card else platform.processor() or "cpu"
    versions = {"python": platform.python_version(), **{package: version(package) for package in ("torch", "transformers")}}
    say({"ready": f"eager, {task['precision']}, sdpa, static cache, fused AdamW on {name}", "versions": versions})
    for _ in range(task["steps"]):
        tokens, rollout = timed(roll_out)
        if tokens.shape[1] != prompt + new:
            raise ValueError(f"rows have {tokens.shape[1]} tokens, not {prompt + new}")
        _, seconds = timed(update, tokens)
        say({"rollout": rollout, "update": seconds})


def peak_bytes():
    """Largest resident size of this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if platform.system() == "Darwin" else 1024)


def main():
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message):
        print(json.dumps(message), file=output, flush=True)

    try:
        serve(json.loads(sys.argv[1]), say)
        say({"peakBytes": peak_bytes()})
    except ImportError as error:
        say({"error": f"Python cannot import {error.name}"})
        raise SystemExit(1) from error
    except Exception as error:
        say({"error": f"{type(error).__name__}: {error}".splitlines()[0]})
        raise


if __name__ == "__main__":
    main()
