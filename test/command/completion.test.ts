import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { has } from '../../conformance/support/commands.ts';
import { entrepot } from './harness.ts';

it.skipIf(!has('bash'))('completes commands and options in bash', async () => {
  const { stdout: script } = await entrepot('completion', 'bash');
  const completed = (...words: string[]): string[] => {
    const asked = `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`;
    const run = `${script}\n${asked}; _entrepot; echo "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['-c', run], { encoding: 'utf8' }).trim().split(' ');
  };
  expect(completed('entrepot', 'q')).toEqual(['queues']);
  expect(completed('entrepot', 'queues', '')).toEqual(
    expect.arrayContaining(['list', 'show', 'add', 'delete', 'purge']),
  );
  expect(completed('entrepot', 'queues', 'list', '--li')).toEqual(['--limit']);
  expect(completed('entrepot', 'queues', 'show', 'list', '--vh')).toEqual(['--vhost']);
});

it('is there for fish and zsh, and for no shell that it does not know', async () => {
  const { stdout: fish } = await entrepot('completion', 'fish');
  expect(fish).toContain(
    "complete -c entrepot -n '__fish_seen_subcommand_from queues; and not __fish_seen_subcommand_from list",
  );
  expect((await entrepot('completion', 'zsh')).stdout).toMatch(/^#compdef entrepot\n/);
  expect((await entrepot('completion', 'tcsh')).code).toBe(2);
});
