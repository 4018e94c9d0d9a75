/** The settings in force as a configuration file, each with what it means and, unless it is the default, who set it. */
import { Document, isScalar, type Pair, Scalar, YAMLMap, type YAMLSeq } from 'yaml';
import type { z } from 'zod';
import { writtenBackends } from './auth.ts';
import { kinds } from './kinds.ts';
import { writtenLimits } from './limits.ts';
import { innermost, keyPaths, type Loaded } from './load.ts';
import { configSchema } from './schema.ts';
import { writtenUsers } from './users.ts';
import { writtenVhosts } from './vhosts.ts';

export function printConfig(loaded: Loaded): string {
  const document = new Document({});
  const root = new YAMLMap();
  document.contents = root as typeof document.contents;
  for (const path of keyPaths()) {
    const name = path.join('.');
    const inForce = path.reduce<unknown>((at, step) => (at as Record<string, unknown>)[step], loaded.config);
    const value = shown(name, loaded) ?? inForce;
    const origin = loaded.origins.get(name);
    const note = [describe(path), origin === undefined ? '' : `(from ${origin})`]
      .filter((part) => part !== '')
      .join(' ');
    const parent = path.length === 1 ? root : groupOf(root, path[0]!);
    const nested = typeof value === 'object' && value !== null;
    const node = nested ? (document.createNode(value) as YAMLSeq | YAMLMap) : new Scalar(written(path, value));
    const key = new Scalar(path.at(-1)!);
    if (nested) key.commentBefore = ` ${note}`;
    else if (note !== '') node.comment = ` ${note}`;
    parent.add({ key, value: node } as Pair);
  }
  for (const pair of root.items) if (pair.value instanceof YAMLMap && isScalar(pair.key)) pair.key.spaceBefore = true;
  return document.toString({ lineWidth: 0 });
}

/** Of settings that are not written as they are kept. */
function shown(name: string, { config }: Loaded): unknown {
  if (name === 'auth.backends') return writtenBackends(config.auth);
  if (name === 'vhosts') return writtenVhosts(config.vhosts);
  if (name === 'limits.users') {
    return Object.fromEntries(
      Object.entries(config.limits.users).map(([user, limits]) => [user, writtenLimits(limits)]),
    );
  }
  return name === 'users' ? writtenUsers(config.users) : undefined;
}

function groupOf(root: YAMLMap, name: string): YAMLMap {
  const known = root.items.find((pair) => isScalar(pair.key) && pair.key.value === name)?.value;
  if (known instanceof YAMLMap) return known;
  const group = new YAMLMap();
  root.add({ key: new Scalar(name), value: group } as Pair);
  return group;
}

function schemaOf(path: readonly string[]): z.ZodType {
  const outer = (configSchema.shape as Record<string, z.ZodType>)[path[0]!]!;
  if (path.length === 1) return outer;
  return ((innermost(outer) as z.ZodObject).shape as Record<string, z.ZodType>)[path[1]!]!;
}

function describe(path: readonly string[]): string {
  return schemaOf(path).description ?? '';
}

function written(path: readonly string[], value: unknown): unknown {
  if (typeof value !== 'number') return value;
  const text = kinds.get(schemaOf(path))?.(value) ?? String(value);
  return /^\d+$/.test(text) ? value : text;
}
