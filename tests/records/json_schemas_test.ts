// The committed JSON Schemas are those of the code, and say of records what the code says.

import { equal } from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";
import { jsonSchemas } from "../../harness/records/json_schemas.ts";
import { fakeCellRecord, fakeEvaluation } from "../fakes/records.ts";

const folder = new URL("../../results/schema/", import.meta.url);

Deno.test("results/schema holds what jsonSchemas() makes", () => {
  const committed = [...Deno.readDirSync(folder)].map((entry) => entry.name).sort();
  equal(committed.join(), [...jsonSchemas().keys()].sort().join());
  for (const [name, text] of jsonSchemas()) {
    const remedy = "run: deno run -A harness/records/json_schemas.ts";
    equal(Deno.readTextFileSync(new URL(name, folder)), text, `${name} is out of date; ${remedy}`);
  }
});

Deno.test("record.schema.json takes a record and refuses a changed one", () => {
  const ajv = new Ajv2020({ validateFormats: false, allowUnionTypes: true });
  const validate = ajv.compile(JSON.parse(Deno.readTextFileSync(new URL("record.schema.json", folder))));
  const record = fakeCellRecord([fakeEvaluation(0, 0.25)]);
  equal(validate(record), true, JSON.stringify(validate.errors));
  equal(validate({ ...record, surprise: 1 }), false);
  equal(validate({ ...record, digest: "abc" }), false);
  equal(validate(fakeCellRecord([{ ...fakeEvaluation(0, 0.25), accuracy: 2 }])), false);
});
