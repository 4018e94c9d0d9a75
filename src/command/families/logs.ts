/** `entrepot log`: a broker's log looked at, best a stopped one's. */
import type { Command } from 'commander';
import { SystemClock } from '../../clock/clock.ts';
import { loadConfig } from '../../config/load.ts';
import { type FileSystem, nodeFiles } from '../../log/files/files.ts';
import { EXIT } from '../exit.ts';
import { bytesOfLogs, watchedReads } from '../log-reads.ts';
import { Progress } from '../print/progress.ts';
import { alone, family, printing, reported } from './context.ts';

type Flags = { readonly json?: boolean; readonly data?: string };

export function addLogs(program: Command): void {
  const log = family(program, 'log', "look at a broker's log, best a stopped one's; nothing is written");
  alone(
    log,
    'verify [dir]',
    'check every batch of every segment of a data directory, or of one log; exits with 1 if something is damaged',
  )
    .option('--data <dir>', 'the same, as other commands have it (default: that of the settings, ./data)')
    .action((dir: string | undefined, { json, data }: Flags) =>
      reported(async () => {
        const directory = directoryOf(dir, data);
        const { verifyLogs } = await import('../logs.ts');
        const { out, note } = printing(json === true);
        const lines: string[] = [];
        const sound = await withProgress('checked', directory, true, (files) =>
          verifyLogs(directory, { out: (line) => (json === true ? void lines.push(line) : out(line)), note }, files),
        );
        if (json === true) out(JSON.stringify({ sound, logs: lines }));
        if (!sound) process.exitCode = EXIT.failed;
      }),
    );
  alone(log, 'dump [dir]', 'print every record as a line of JSON')
    .option('--data <dir>', 'the same, as other commands have it (default: that of the settings, ./data)')
    .option('--queue <name>', 'only what is about this queue')
    .action((dir: string | undefined, { queue, data }: Flags & { readonly queue?: string }) =>
      reported(async () => {
        const directory = directoryOf(dir, data);
        const { dumpLogs } = await import('../logs.ts');
        const shown = process.stdout.isTTY !== true;
        await withProgress('dumped', directory, shown, (files) => dumpLogs(directory, queue, printing(true), files));
      }),
    );
}

function directoryOf(dir: string | undefined, data: string | undefined): string {
  const given = dir ?? data;
  return given ?? loadConfig({}, process.env).config.data;
}

async function withProgress<T>(
  what: string,
  directory: string,
  shown: boolean,
  work: (files: FileSystem) => Promise<T>,
): Promise<T> {
  if (!shown || process.stderr.isTTY !== true) return work(nodeFiles);
  const clock = new SystemClock();
  const total = await bytesOfLogs(directory, nodeFiles);
  const progress = new Progress({ what, total, unit: 'bytes', clock, terminal: process.stderr });
  try {
    return await work(watchedReads(nodeFiles, (read) => progress.at(read)));
  } finally {
    progress.end();
    clock.stop();
  }
}
