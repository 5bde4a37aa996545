// Where the data of a task lie: in the folder that is given, else in the cache, into which they are fetched.

import { resolve } from "node:path";
import type { Task } from "../contract.ts";
import { fetchData } from "../model/hub/fetch_data.ts";
import type { FetchOptions } from "../model/hub/fetch_policy.ts";

/**
 * The folder to load the task with; null for a task that reads no files, or names none.
 * @param dataDir the folder that is given; null: none is
 * @throws as fetchData does
 */
export async function findData(
  task: Task,
  dataDir: string | null,
  fetching: FetchOptions = {},
): Promise<string | null> {
  if (dataDir !== null) return resolve(dataDir);
  return task.sources ? await fetchData(task.name, task.sources, fetching) : null;
}
