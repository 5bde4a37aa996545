// Turns a chat into the prompt's text by the policy's own Jinja template, as transformers' apply_chat_template does:
// chat_template.jinja comes before the field in tokenizer_config.json, blocks are trimmed, the special tokens' strings,
// raise_exception and strftime_now are at hand. One deviation: strftime_now tells a fixed day, or a rerun on another
// day would ask other questions. The day is the one on which Llama 3's template falls back by itself.
// Source: https://huggingface.co/docs/transformers/chat_templating

import { Template } from "@huggingface/jinja";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { FailureError, MisuseError } from "../base/errors.ts";
import { isObject, type JsonObject, readTextFile } from "../base/json_file.ts";
import type { Message } from "../contract.ts";

const DAY = new Date(Date.UTC(2024, 6, 26));

/** Python's strftime for the fixed day; a code it does not know stays as it is. */
function strftimeNow(format: string): string {
  const part = (options: Intl.DateTimeFormatOptions) =>
    new Intl.DateTimeFormat("en-US", { ...options, timeZone: "UTC" }).format(DAY);
  const codes: Readonly<Record<string, string>> = {
    "%Y": "2024",
    "%y": "24",
    "%m": "07",
    "%d": "26",
    "%B": part({ month: "long" }),
    "%b": part({ month: "short" }),
    "%A": part({ weekday: "long" }),
    "%a": part({ weekday: "short" }),
    "%H": "00",
    "%I": "12",
    "%M": "00",
    "%S": "00",
    "%p": "AM",
    "%%": "%",
  };
  return format.replace(/%[a-zA-Z%]/g, (code) => codes[code] ?? code);
}

/** A chat template that was found and parsed. */
export class ChatTemplate {
  readonly #template: Template;

  /**
   * @param text in Jinja
   * @param path of the file it came from, for messages
   * @param specialTokens strings by the names that templates use, e.g. { bos_token: "<s>" }
   */
  constructor(
    readonly text: string,
    readonly path: string,
    readonly specialTokens: Readonly<Record<string, string>>,
  ) {
    try {
      // A name that is set in the template itself shadows the library's. The line break goes with the block.
      this.#template = new Template(`{% set strftime_now = fixed_strftime_now %}\n${text}`);
    } catch (error) {
      throw new FailureError(`Cannot read the chat template of "${path}": ${reasonOf(error)} … restore the file`);
    }
  }

  /** The prompt's text, up to where the assistant begins to speak. */
  render(messages: readonly Message[]): string {
    try {
      return this.#template.render({
        ...this.specialTokens,
        messages,
        tools: null,
        documents: null,
        add_generation_prompt: true,
        fixed_strftime_now: strftimeNow,
      });
    } catch (error) {
      throw new FailureError(
        `Cannot render the chat template of "${this.path}": ${reasonOf(error)} … check that the template takes roles ${
          [...new Set(messages.map(({ role }) => `"${role}"`))].join(", ")
        }`,
      );
    }
  }
}

/**
 * The chat template of a policy folder.
 * @param config content of its tokenizer_config.json
 * @throws MisuseError where there is none: the model is not made for chats
 */
export async function readChatTemplate(folder: string, config: JsonObject): Promise<ChatTemplate> {
  const specialTokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    const text = tokenText(value);
    if (name.endsWith("_token") && text !== null) specialTokens[name] = text;
  }
  const file = join(folder, "chat_template.jinja");
  if (existsSync(file)) return new ChatTemplate(await readTextFile(file), file, specialTokens);

  const path = join(folder, "tokenizer_config.json");
  const field = config["chat_template"];
  // Several named templates are a list of { name, template }; the one for plain chats is called "default".
  const named = Array.isArray(field) ? field.find((item) => isObject(item) && item["name"] === "default") : undefined;
  const text: unknown = isObject(named) ? named["template"] : field;
  if (typeof text !== "string") {
    throw new MisuseError(
      `Cannot ask the policy "${folder}": "${path}" has no chat template and there is no chat_template.jinja … choose an instruction-tuned model`,
    );
  }
  return new ChatTemplate(text, path, specialTokens);
}

/** A special token as tokenizer_config.json writes it: its text, or an object that holds it; null where it is neither. */
export function tokenText(value: unknown): string | null {
  const text = isObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : null;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
