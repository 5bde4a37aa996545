// The devices by name: what --device takes, and what plans and records say. What a device needs and how it is reached is
// harness/runtime/devices.ts.

export const DEVICES = ["cpu", "webgpu", "cuda", "dml", "coreml"] as const;
export type Device = typeof DEVICES[number];
