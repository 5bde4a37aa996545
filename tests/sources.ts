// The sources of the repository as text: what the tests about the house itself read.

/** The repository's root. */
export const root = new URL("../", import.meta.url);

/**
 * Paths of the TypeScript sources below the given files and folders, from the root, with "/", sorted.
 * Declarations of foreign modules (.d.ts) are left out.
 */
export function findSources(...paths: readonly string[]): string[] {
  return paths.flatMap((path) => {
    if (/\.ts$/.test(path)) return /\.d\.ts$/.test(path) ? [] : [path];
    const entries = [...Deno.readDirSync(new URL(path + "/", root))];
    return entries
      .filter(({ name, isDirectory }) => isDirectory || name.endsWith(".ts"))
      .flatMap(({ name }) => findSources(`${path}/${name}`));
  }).sort();
}

/** TypeScript with its comments blanked out: every other character stays on its line. Strings are kept. */
export function codeOf(text: string): string {
  const tokens =
    /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|(?<=[(,=:[!&|?{};>]\s*|return\s+)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/|(\/\/.*|\/\*[^]*?\*\/)/g;
  return text.replace(tokens, (token, comment?: string) => comment ? token.replace(/[^\n]/g, " ") : token);
}
