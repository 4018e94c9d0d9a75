/** The commands that ask a running broker, run in this process as if they were typed. */
import { Command } from 'commander';
import { vi } from 'vitest';
import { addFamilies } from '../../src/command/families/index.ts';
import type { Finished } from '../support/command.ts';

class Exit extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** Runs one to its end. What it says goes nowhere else. */
export async function entrepot(...args: readonly string[]): Promise<Finished> {
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk) => {
      said[name] += String(chunk);
      return true;
    }),
  );
  const exit = vi.spyOn(process, 'exit').mockImplementation((code) => {
    throw new Exit(Number(code ?? 0));
  });
  const before = process.exitCode;
  process.exitCode = 0;
  try {
    const program = new Command('entrepot').configureOutput({
      writeOut: (text) => void process.stdout.write(text),
      writeErr: (text) => void process.stderr.write(text),
    });
    addFamilies(program);
    await program.parseAsync(args, { from: 'user' });
    return { code: Number(process.exitCode), ...said };
  } catch (error) {
    if (error instanceof Exit) return { code: error.code, ...said };
    throw error;
  } finally {
    process.exitCode = before;
    for (const spy of [...spies, exit]) spy.mockRestore();
  }
}
