/** `entrepot backup` and `restore`: a copy of a running broker's data, and a data directory made of one. */
import type { Command } from 'commander';
import { SystemClock } from '../../clock/clock.ts';
import { parseSize } from '../../config/units.ts';
import { type FileSystem, nodeFiles, readFully } from '../../log/files/files.ts';
import { RATE_MIN } from '../../operator/paced-backup.ts';
import { demandRoom, directoryReceiver, diskFault, fileReceiver, type Receiver } from '../backup/unpack.ts';
import { CommandError, EXIT, EXIT_CODES } from '../exit.ts';
import { Progress } from '../print/progress.ts';
import { bytes } from '../print/units.ts';
import type { BrokerClient } from '../reach/client.ts';
import { asking, type CommonFlags, connected, printing, reported, withUsageCode } from './context.ts';

const PIECE_BYTES = 1024 * 1024;

export function addBackup(program: Command): void {
  asking(program, 'backup <target>', 'copy all that a running broker keeps: a directory to start on, or FILE.tar')
    .option('--rate <size>', 'a second at most, as 20MiB; left out: as fast as clients do not notice')
    .addHelpText(
      'after',
      `
What was confirmed before it begins is in it: messages, queues, users, vhosts, policies, what is retained. Transient messages are not. It
has its name once all of it is on the disk; until then it is called TARGET.partial.

Examples:
  entrepot backup /backup/monday && entrepot start --data /backup/monday
  entrepot backup monday.tar     # then: entrepot restore monday.tar --data DIR`,
    )
    .action(
      connected<CommonFlags & { readonly rate?: string }>(async ({ client, json, out }, [target = ''], { rate }) => {
        const copied = await backup(client, target, nodeFiles, rate === undefined ? 0 : rateOf(rate));
        out(json ? JSON.stringify({ target, bytes: copied }) : `${target}: ${bytes(copied)} copied`);
      }),
    );
  withUsageCode(program.command('restore <file>').description('make a data directory of FILE.tar'))
    .requiredOption('--data <dir>', 'the directory to make')
    .option('--json', 'print JSON')
    .addHelpText('after', EXIT_CODES)
    .action((file: string, flags: { data: string; json?: boolean }) =>
      reported(async () => {
        const { json, out } = printing(flags.json === true);
        const copied = await restore(file, flags.data, nodeFiles);
        out(json ? JSON.stringify({ data: flags.data, bytes: copied }) : `${flags.data}: ${bytes(copied)} restored`);
      }),
    );
}

function rateOf(given: string): number {
  const rate = parseSize(given);
  if (typeof rate === 'number' && rate >= RATE_MIN) return rate;
  throw new CommandError(EXIT.usage, `--rate '${given}' is not a size from 1 MiB on`);
}

/** @param rate bytes a second, 0: as fast as clients do not notice @returns the bytes of the archive @throws CommandError */
export async function backup(client: BrokerClient, target: string, files: FileSystem, rate = 0): Promise<number> {
  const { length, pieces, cancel } = await client.download(rate === 0 ? '/v1/backup' : `/v1/backup?rate=${rate}`);
  try {
    if (length !== undefined) await demandRoom(files, target, length);
    return await received(
      target,
      files,
      pieces,
      length,
      'copied',
      /\.tar$/.test(target) ? fileReceiver : directoryReceiver,
    );
  } finally {
    cancel();
  }
}

/** @returns the bytes of the archive @throws CommandError */
export async function restore(path: string, directory: string, files: FileSystem): Promise<number> {
  const unread = (error: NodeJS.ErrnoException): never => {
    throw new CommandError(EXIT.usage, `${path} ${READ_FAULTS[error.code ?? ''] ?? error.message}`);
  };
  const archive = await files.open(path, 'read').catch(unread);
  try {
    const length = await archive.sizeBytes();
    await demandRoom(files, directory, length);
    return await received(directory, files, piecesOf(), length, 'restored', directoryReceiver);
  } finally {
    await archive.close();
  }

  async function* piecesOf(): AsyncGenerator<Buffer> {
    for (let at = 0; ; ) {
      const piece = Buffer.allocUnsafe(PIECE_BYTES);
      const read = await readFully(archive, piece, PIECE_BYTES, at).catch(unread);
      if (read === 0) return;
      at += read;
      yield piece.subarray(0, read);
    }
  }
}

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: 'is not there',
  EISDIR: 'is a directory: start on it, with --data',
  EACCES: 'may not be read by this user',
};

async function received(
  target: string,
  files: FileSystem,
  pieces: AsyncGenerator<Buffer>,
  total: number | undefined,
  what: string,
  receiving: (files: FileSystem, path: string) => Promise<Receiver>,
): Promise<number> {
  const clock = new SystemClock();
  const progress = new Progress({ what, total, unit: 'bytes', clock, terminal: process.stderr });
  let stop = (): void => {};
  const stopped = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined);
  });
  for (const signal of SIGNALS) process.once(signal, stop);
  let receiver: Receiver | undefined;
  let done = 0;
  try {
    receiver = await receiving(files, target);
    for (;;) {
      const next = await Promise.race([pieces.next(), stopped]);
      if (next === undefined) throw new CommandError(EXIT.failed, `stopped: nothing is left of ${target}`);
      if (next.done === true) break;
      await receiver.take(next.value);
      done += next.value.length;
      progress.at(done);
    }
    if (total !== undefined && done < total) {
      throw new CommandError(EXIT.unreachable, 'the broker has ended the copy before it was whole: its log says why');
    }
    await receiver.finish();
    return done;
  } catch (error) {
    await receiver?.discard().catch(() => {});
    throw diskFault(error, target);
  } finally {
    progress.end();
    clock.stop();
    for (const signal of SIGNALS) process.removeListener(signal, stop);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
