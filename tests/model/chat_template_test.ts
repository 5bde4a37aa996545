import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FailureError, MisuseError } from "../../harness/base/errors.ts";
import type { Message } from "../../harness/contract.ts";
import { ChatTemplate, readChatTemplate } from "../../harness/model/chat_template.ts";
import { withFolder } from "./tiny_policy.ts";

const hello: readonly Message[] = [{ role: "user", content: "hello" }];
const render = (text: string, messages = hello) =>
  new ChatTemplate(text, "t.jinja", { bos_token: "<s>" }).render(messages);

Deno.test("ChatTemplate.render() gives the template messages, special tokens and the generation prompt's flag", () => {
  assert.equal(
    render(
      "{{ bos_token }}{% for m in messages %}{{ m['role'] }}:{{ m.content }}{% endfor %}{{ add_generation_prompt }}",
    ),
    "<s>user:hellotrue",
  );
  assert.equal(
    render("{% if tools is none and documents is none and not eos_token is defined %}plain{% endif %}"),
    "plain",
  );
});

Deno.test("ChatTemplate.render() trims blocks as transformers does, in the first line too", () => {
  assert.equal(render("  {% if true %}\n  x\n  {% endif %}\ny\n"), "  x\ny");
  assert.equal(render("\n{% if true %}\nx{% endif %}"), "\nx");
});

Deno.test("ChatTemplate.render() passes on what the template raises, with the file's name", () => {
  const refusing = "{{ raise_exception('Roles must alternate') }}";
  assert.throws(
    () => render(refusing),
    (error) => error instanceof FailureError && /t\.jinja.*Roles must/.test(error.message),
  );
  assert.throws(() => render("{% for %}"), FailureError);
  assert.throws(() => render("{{ messages[0].content | nosuchfilter }}"), FailureError);
});

Deno.test("ChatTemplate.render() tells the same day whenever it runs", () => {
  assert.equal(
    render('{{ strftime_now("%d %b %Y, %A %B %H:%M %q 100%%") }}'),
    "26 Jul 2024, Friday July 00:00 %q 100%",
  );
  const llama = '{% if strftime_now is defined %}{% set day = strftime_now("%d %b %Y") %}{% endif %}{{ day }}';
  assert.equal(render(llama), "26 Jul 2024");
});

Deno.test("readChatTemplate() prefers chat_template.jinja, then the config's default template", () =>
  withFolder(async (folder) => {
    const named = [{ name: "tool_use", template: "no" }, { name: "default", template: "list{{ eos_token }}" }];
    const special = { eos_token: { content: "</s>", special: true } };
    assert.equal((await readChatTemplate(folder, { chat_template: named, ...special })).render(hello), "list</s>");
    assert.equal((await readChatTemplate(folder, { chat_template: "text" })).render(hello), "text");
    await writeFile(join(folder, "chat_template.jinja"), "file");
    assert.equal((await readChatTemplate(folder, { chat_template: "text" })).render(hello), "file");
  }));

Deno.test("readChatTemplate() refuses a model without a template and names the file", () =>
  withFolder(async (folder) => {
    for (const config of [{}, { chat_template: 3 }, { chat_template: [] }]) {
      await assert.rejects(
        readChatTemplate(folder, config),
        (error) => error instanceof MisuseError && /tokenizer_config\.json" has no chat template/.test(error.message),
      );
    }
  }));
