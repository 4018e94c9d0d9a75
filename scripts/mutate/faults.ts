/**
 * The faults that can be planted in a source file: what Stryker's instrumenter knows (a comparison turned, a condition that
 * always or never holds, a block left empty, a sign changed, …), and two slips of the hand it does not know: a statement left
 * out and an `await` left out. A fault is a replacement of a range of the file's text; nothing here writes a file.
 *
 * Texts that become empty (`StringLiteral`) are left out: nobody makes that slip, and most of them would be error texts.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from '@babel/parser';
import { Instrumenter } from '@stryker-mutator/instrumenter';

export interface Fault {
  /** Path from the root of the project. */
  readonly file: string;
  /** From 1, as editors count. */
  readonly line: number;
  readonly column: number;
  /** The range of the text that is replaced, in characters. */
  readonly start: number;
  readonly end: number;
  /** The mutator's name. */
  readonly kind: string;
  readonly replacement: string;
  /** The function or method it is in, with its class; '' outside of all. */
  readonly where: string;
}

interface Place {
  /** In characters, from the start of the file. */
  readonly start: number;
  readonly end: number;
  readonly name: string;
  /** A body that is an expression rather than a block. */
  readonly expression: boolean;
}

/** What one file's text tells: its outermost functions, and the slips Stryker does not know. */
export interface Outline {
  readonly places: readonly Place[];
  readonly slips: readonly { start: number; end: number; kind: string; replacement: string }[];
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

const FUNCTIONS = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ObjectMethod',
  'ClassMethod',
  'ClassPrivateMethod',
]);
/** Without a value: with one, leaving it out is for the type check to notice. */
const LEFT_OUT = new Set(['ReturnStatement', 'ContinueStatement', 'BreakStatement']);

const silent = () => {};
const logger = {
  debug: silent,
  info: silent,
  warn: silent,
  error: silent,
  trace: silent,
  fatal: silent,
  isDebugEnabled: () => false,
  isInfoEnabled: () => false,
  isWarnEnabled: () => false,
  isErrorEnabled: () => false,
  isTraceEnabled: () => false,
  isFatalEnabled: () => false,
};

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

function nameOf(node: Node): string | null {
  const id = isNode(node['id']) ? node['id'] : isNode(node['key']) ? node['key'] : null;
  if (id === null) return null;
  const inner = id.type === 'PrivateName' && isNode(id['id']) ? id['id'] : id;
  return typeof inner['name'] === 'string' ? inner['name'] : `@${inner.start - node.start}`;
}

export function outline(text: string): Outline {
  const places: Place[] = [];
  const slips: { start: number; end: number; kind: string; replacement: string }[] = [];
  const program = parse(text, { sourceType: 'module', plugins: ['typescript'] }).program as unknown as Node;

  const visit = (node: Node, names: readonly string[], inside: boolean): void => {
    const name = nameOf(node);
    const path = name === null ? names : [...names, name];
    let within = inside;
    if (FUNCTIONS.has(node.type) && isNode(node['body'])) {
      const { body } = node;
      if (!inside) {
        const expression = body.type !== 'BlockStatement';
        places.push({ start: body.start, end: body.end, name: path.join('.'), expression });
      }
      within = true;
    }
    const { start, end } = node;
    if (node.type === 'ExpressionStatement' && isNode(node['expression'])) {
      const called = node['expression']['callee'];
      if (!(isNode(called) && called.type === 'Super')) {
        slips.push({ start, end, kind: 'StatementLeftOut', replacement: ';' });
      }
    } else if (LEFT_OUT.has(node.type) && !isNode(node['argument'])) {
      slips.push({ start, end, kind: 'StatementLeftOut', replacement: ';' });
    } else if (node.type === 'AwaitExpression' && isNode(node['argument'])) {
      const { argument } = node;
      slips.push({ start, end, kind: 'AwaitLeftOut', replacement: text.slice(argument.start, argument.end) });
    }
    for (const value of Object.values(node)) {
      if (Array.isArray(value)) for (const each of value) isNode(each) && visit(each, path, within);
      else if (isNode(value)) visit(value, path, within);
    }
  };
  visit(program, [], false);
  return { places, slips };
}

/** Every fault that can be planted in a file, in the order of the text. */
export async function faultsOf(root: string, file: string): Promise<Fault[]> {
  const text = readFileSync(join(root, file), 'utf8');
  const lines: number[] = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines.push(at + 1);
  const { places, slips } = outline(text);
  const result = await new Instrumenter(logger).instrument([{ name: file, mutate: true, content: text }], {
    plugins: null,
    excludedMutations: ['StringLiteral'],
    ignorers: [],
  });
  const ranges = result.mutants
    .filter((mutant) => mutant.status !== 'Ignored')
    .map(({ location, mutatorName, replacement }) => ({
      start: lines[location.start.line]! + location.start.column,
      end: lines[location.end.line]! + location.end.column,
      kind: mutatorName,
      replacement,
    }));
  const faults = [...ranges, ...slips].map((range): Fault => {
    let line = lines.length - 1;
    while (lines[line]! > range.start) line--;
    const where = places.find(({ start, end }) => start <= range.start && range.end <= end)?.name ?? '';
    return { ...range, file, line: line + 1, column: range.start - lines[line]! + 1, where };
  });
  return faults.sort((a, b) => a.start - b.start || a.end - b.end);
}

/** The text of a file with the fault in it. */
export function planted(text: string, { start, end, replacement }: Fault): string {
  return text.slice(0, start) + replacement + text.slice(end);
}

/** What is written and what is planted instead, on one line, cut where it is long. */
export function told(text: string, { start, end, replacement }: Fault): string {
  const short = (code: string) => {
    const line = code.replace(/\s+/g, ' ').trim();
    return line.length > 70 ? `${line.slice(0, 67)}…` : line;
  };
  return `${short(text.slice(start, end))} → ${short(replacement)}`;
}
