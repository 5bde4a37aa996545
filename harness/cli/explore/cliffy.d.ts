// What is used of cliffy 2.5.1. Its own declarations bring in @types/node of 2016, whose globals break everyone else's.

/** A command whose words are all one parameter. */
export interface Command {
  readonly options?: readonly string[];
  readonly parameters?: readonly {
    readonly label: "words";
    readonly type: (word: string) => string;
    readonly rest: true;
  }[];
  /** Whether each option was given is told by its name. */
  readonly action: (
    parameters: { readonly words: string[] },
    options: Readonly<Record<string, boolean>>,
  ) => void | Promise<void>;
}

/** A loop that reads lines and runs commands. */
export class CLI {
  constructor(options: {
    readonly input: NodeJS.ReadableStream;
    readonly output: NodeJS.WritableStream;
    readonly quietBlank?: boolean;
  });
  addCommand(name: string, command: Command): this;
  show(): this;
  hide(): this;
}
