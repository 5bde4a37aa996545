// The part of cli-progress 3.12 that progress.ts uses; the package has no types.
// Source: https://github.com/npkgz/cli-progress

export interface BarOptions {
  stream?: NodeJS.WritableStream;
  format?: string;
  barsize?: number;
  fps?: number;
  hideCursor?: boolean;
  emptyOnZero?: boolean;
  gracefulExit?: boolean;
  clearOnComplete?: boolean;
}

export interface Bar {
  update(value: number, payload?: Record<string, string>): void;
  setTotal(total: number): void;
}

declare const cliProgress: {
  MultiBar: new (options: BarOptions, preset: object) => {
    create(total: number, value: number, payload: Record<string, string>): Bar;
    remove(bar: Bar): boolean;
    /** A line above the bars; must end with a newline. */
    log(text: string): void;
    stop(): void;
  };
  Presets: Readonly<Record<"legacy" | "shades_classic" | "shades_grey" | "rect", object>>;
};
export default cliProgress;
