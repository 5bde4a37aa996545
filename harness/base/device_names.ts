// The devices by name: what --device takes, and what plans and records say; and the same for --precision. What a device needs and how it is reached is
// harness/runtime/devices.ts.

export const DEVICES = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;
export type Device = typeof DEVICES[number];

/** Of a policy's products; all else is float32 in any case. */
export const PRECISIONS = ["float32", "float16"] as const;
export type Precision = typeof PRECISIONS[number];
