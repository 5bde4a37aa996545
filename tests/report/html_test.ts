import { deepEqual, equal, throws } from "node:assert/strict";
import { Html, html, inlineScript, jsonScript } from "../../harness/report/html.ts";
import { visibleText } from "../../harness/report/visible_text.ts";

Deno.test("html`` escapes texts and attributes, and takes markup of other templates as it is", () => {
  const name = `<b title="x">'&'</b>`;
  equal(
    String(html`<p title="${name}">${name}</p>`),
    `<p title="&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;">&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;</p>`,
  );
  equal(
    String(html`<p>${html`<i>${name}</i>`}${[html`<br>`, "<", 7]}</p>`),
    "<p><i>&lt;b title=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/b&gt;</i><br>&lt;7</p>",
  );
  equal(String(html`<p>${null}${false}</p>`), "<p></p>");
});

Deno.test("html`` leaves out line breaks where a template begins and ends, and none between", () => {
  const one = html`
    <i>a
    b</i>
  `;
  equal(String(one), "<i>a\n    b</i>");
});

Deno.test("Html is made by html`` alone", () => {
  throws(() => new Html(Symbol("other") as never, "<b>"), TypeError);
});

Deno.test("jsonScript() gives back the value and never ends its element", () => {
  const value = { text: "</script><!-- & \u2028\u2029 \ud800 \0" };
  const text = String(jsonScript("data", value));
  const json = /^<script type="application\/json" id="data">([^]*)<\/script>$/.exec(text)?.[1] ?? "";
  equal(/[<>&\u2028\u2029]/.test(json), false);
  deepEqual(JSON.parse(json), value);
});

Deno.test("inlineScript() refuses a text that would end its element", () => {
  throws(() => inlineScript("const a = '</SCRIPT>'"), RangeError);
  throws(() => inlineScript("// <!--"), RangeError);
  // printf 'let a = 1;' | openssl dgst -sha256 -binary | base64
  equal(inlineScript("let a = 1;").source, "'sha256-xY6QKfH9PRsQnLz56nj6MBwiK5oHg+im1Jkpdp1x/Ck='");
});

Deno.test("visibleText() shows what hides, reorders or breaks, and leaves the rest alone", () => {
  equal(visibleText("a\0b\u001b[31m\u007f\r\n\t"), "a\u2400b\u241b[31m\u2421\u240d\n\t");
  equal(
    visibleText("\u202egnp\u202c \u2066x\u2069 \u200b \ufeff \u{e0041}"),
    "[U+202E]gnp[U+202C] [U+2066]x[U+2069] [U+200B] [U+FEFF] [U+E0041]",
  );
  equal(visibleText("\u0085 \u2028 \ud800 \udc00x"), "[U+0085] [U+2028] [U+D800] [U+DC00]x");
  const plain = "héllo שלום 👩‍👩‍👧 नमस्ते – “x” 2 × 3 = 6\n\tend";
  equal(visibleText(plain), plain);
});
