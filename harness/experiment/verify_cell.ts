// What a finished cell's files say of each other, and what the task, the data and the policy say of them: digests are
// taken again, grades made again by the task's grader, sums and the match proof derived again. What only another run
// could show is replay_cell.ts; what nothing can show (clock, machine) is left alone.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../base/canonical_json.ts";
import { sha256 } from "../base/digest.ts";
import { parseJson, readTextFile } from "../base/json_file.ts";
import { type Config, parseConfig } from "../config.ts";
import type { EvaluationRecord, Outcome, SampleRecord, StepRecord, Task, TaskData } from "../contract.ts";
import { weightsDigest } from "../model/policy.ts";
import type { Policy } from "../model/policy.ts";
import type { CellRecord } from "../records/schema.ts";
import { readCellRecord, readSamples, readSteps, recordLine, stepChain } from "../records/store.ts";
import { checkpointSteps, readCheckpoint } from "../rl/checkpoint.ts";
import { collapseSample, findCollapses } from "../rl/collapse.ts";
import { type Matched, matchProof } from "../rl/match_proof.ts";
import { QuestionOrder } from "../rl/question_order.ts";
import { isSpent } from "../rl/schedule.ts";
import { type Checklist, differences } from "./checklist.ts";
