// Devices of a machine that is not this one: what a trial of each would find.

import type { Device } from "../../harness/runtime/devices.ts";
import type { Probed, Prober, ProbeTask } from "../../harness/runtime/probe.ts";

/** A device: one that is not named is not there; what is not said is as of a good one. */
interface FakeDevice {
  readonly name?: string;
  readonly software?: boolean;
  readonly seconds?: number;
  readonly why?: string;
  /** What is wrong in float16 alone. */
  readonly whyHalf?: string;
  /** How many there are. @default 1 */
  readonly count?: number;
}

/** @param tried gets each trial that is asked for */
export function proberOf(devices: Partial<Record<Device, FakeDevice>>, tried: ProbeTask[] = []): Prober {
  return (task) => {
    tried.push(task);
    const unusable = (why: string): Probed => ({ usable: false, why, remedy: `mend ${task.device}` });
    const fake = devices[task.device];
    if (!fake) return Promise.resolve(unusable("it is not there"));
    const why = fake.why ?? (task.precision === "float16" ? fake.whyHalf : undefined);
    if (why) return Promise.resolve(unusable(why));
    const { name = null, software = false, seconds = 0.01, count = 1 } = fake;
    if ((task.index ?? 0) >= count) return Promise.resolve(unusable("the machine has no device of this index"));
    const adapter = { name, driver: name && "1.2.3", software };
    return Promise.resolve({ usable: true, adapter, error: 1e-6, seconds: task.timed ? seconds : null });
  };
}
