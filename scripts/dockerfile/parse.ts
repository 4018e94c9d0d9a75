/** A Dockerfile as stages and steps: as much of the language as ours uses; anything else is an error, not a guess. */

export interface Step {
  readonly line: number;
  /** In capitals. */
  readonly name: string;
  /** `--name=value` before the rest. */
  readonly flags: ReadonlyMap<string, string>;
  /** The rest of the instruction, on one line. */
  readonly text: string;
  /** Its words, or the strings of its JSON form. */
  readonly words: readonly string[];
  /** It is written as a JSON array: no shell is between. */
  readonly exec: boolean;
}

export interface Stage {
  /** The image it begins from. */
  readonly image: string;
  readonly name: string | undefined;
  readonly steps: readonly Step[];
}

const KNOWN = new Set([
  ...[
    'FROM',
    'WORKDIR',
    'COPY',
    'RUN',
    'ENV',
    'USER',
    'VOLUME',
    'EXPOSE',
    'STOPSIGNAL',
    'HEALTHCHECK',
    'ENTRYPOINT',
    'CMD',
  ],
]);

/** Throws an Error that names the line. */
export function parseDockerfile(text: string): Stage[] {
  const stages: { image: string; name: string | undefined; steps: Step[] }[] = [];
  for (const { line, text: whole } of instructions(text)) {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(whole) ?? [];
    const name = word.toUpperCase();
    if (!KNOWN.has(name)) throw new Error(`line ${line}: ${word} is not known here`);
    const step = stepOf(line, name, rest);
    if (name === 'FROM') {
      const [image = '', as, alias] = step.words;
      stages.push({ image, name: as?.toUpperCase() === 'AS' ? alias : undefined, steps: [] });
    } else if (stages.length === 0) throw new Error(`line ${line}: ${word} before FROM`);
    else stages.at(-1)!.steps.push(step);
  }
  return stages;
}

function instructions(text: string): { line: number; text: string }[] {
  const found: { line: number; text: string }[] = [];
  let open: { line: number; text: string } | undefined;
  for (const [at, raw] of text.split('\n').entries()) {
    if (/^\s*#/.test(raw) || (open === undefined && raw.trim() === '')) continue;
    open ??= { line: at + 1, text: '' };
    const goesOn = raw.trimEnd().endsWith('\\');
    open.text += ` ${goesOn ? raw.trimEnd().slice(0, -1) : raw}`;
    if (goesOn) continue;
    found.push({ line: open.line, text: open.text.trim().replace(/\s+/g, ' ') });
    open = undefined;
  }
  if (open !== undefined) throw new Error(`line ${open.line}: it does not end`);
  return found;
}

function stepOf(line: number, name: string, rest: string): Step {
  const flags = new Map<string, string>();
  let text = rest;
  for (let match = /^--([a-z-]+)=(\S+)\s*/.exec(text); match !== null; match = /^--([a-z-]+)=(\S+)\s*/.exec(text)) {
    flags.set(match[1]!, match[2]!);
    text = text.slice(match[0].length);
  }
  const inner = name === 'HEALTHCHECK' ? text.replace(/^CMD\s+/, '') : text;
  const exec = inner.startsWith('[');
  const words = exec ? (JSON.parse(inner) as string[]) : inner.split(' ').filter((word) => word !== '');
  return { line, name, flags, text: inner, words, exec };
}

/** `ENV a=b c="d e"` as pairs. */
export function variables(step: Step): [string, string][] {
  return [...step.text.matchAll(/([A-Za-z_]\w*)=(?:"([^"]*)"|(\S*))/g)].map((match) => [
    match[1]!,
    match[2] ?? match[3] ?? '',
  ]);
}

/** The last step of this name in a stage. */
export function lastOf(stage: Stage, name: string): Step | undefined {
  return stage.steps.findLast((step) => step.name === name);
}

/** What a .dockerignore leaves of these paths; the last pattern that fits counts. */
export function kept(paths: readonly string[], ignore: string): string[] {
  const rules = ignore
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ keep: line.startsWith('!'), pattern: line.replace(/^!/, '').replace(/\/$/, '') }));
  return paths.filter((path) => {
    let keep = true;
    for (const rule of rules) if (covers(rule.pattern, path)) keep = rule.keep;
    return keep;
  });
}

/** A pattern fits a path, or a folder that the path is in. */
function covers(pattern: string, path: string): boolean {
  const source = pattern
    .split('/')
    .map((part) => (part === '**' ? '.*' : part.replace(/[.+^${}()|[\]\\]/g, '\\$&').replaceAll('*', '[^/]*')))
    .join('/');
  return new RegExp(`^${source}(/.*)?$`).test(path);
}
