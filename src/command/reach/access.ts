/**
 * How a command reaches a broker:
 *
 *     no --user                    ─▶ the operator's token in the data directory, which only its owner can read, and the URL beside it
 *     --user NAME                  ─▶ that user's password: --password-file, ENTREPOT_PASSWORD, or asked for at the terminal
 *     --url URL (needs a --user)   ─▶ there; else where the token's file says
 */
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { type Flags, loadConfig, PASSWORD_VARIABLE } from '../../config/load.ts';
import { readSecretFile } from '../../config/secret-file.ts';
import { nodeFiles } from '../../log/files/files.ts';
import { parseTokenFile, TOKEN_FILE, type TokenFile } from '../../management/operator-token.ts';
import { BrokerError } from '../../message/errors.ts';
import { runningOn } from '../../vhost/journal/offline.ts';
import { CommandError, EXIT } from '../exit.ts';
import { BrokerClient } from './client.ts';
import { askSecret } from './prompt.ts';

export interface AccessFlags extends Pick<Flags, 'config' | 'data'> {
  readonly url?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

export function addAccessOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'the data directory of the broker on this machine (default: ./data)')
    .option('--config <file>', 'its settings, which name the data directory (or ENTREPOT_CONFIG)')
    .option('--url <url>', 'another broker, as https://broker.example.org:15671; needs --user')
    .option('--user <name>', 'log in as this user, not as the owner of the data directory')
    .option('--password-file <file>', `the user's password (or ${PASSWORD_VARIABLE}; else it is asked for)`)
    .option('--ca <file>', "PEM: who signed the broker's certificate");
}

/** @throws CommandError */
export async function reachBroker(flags: AccessFlags, environment: Environment): Promise<BrokerClient> {
  const { ca } = flags;
  const authority = ca === undefined ? undefined : Buffer.from(secretIn(ca, '--ca'));
  const given = flags.url === undefined ? undefined : urlOf(flags.url);
  const user = flags.user ?? given?.user;
  if (given !== undefined && user === undefined) {
    throw new CommandError(
      EXIT.usage,
      '--url needs a --user: only the owner of the data directory is asked for nothing',
    );
  }
  const found = given === undefined ? await tokenOf(flags, environment) : undefined;
  const url = given?.url ?? new URL(found!.url);
  if (user === undefined)
    return new BrokerClient({ url, authorization: `Bearer ${found!.token}`, authority, local: true });
  const password = await passwordOf(user, url, flags, environment);
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
  return new BrokerClient({ url, authorization, authority });
}

function urlOf(text: string): { readonly url: URL; readonly user: string | undefined } {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new CommandError(
      EXIT.usage,
      `--url '${text.replace(/\/\/.*@/, '//')}' is no URL such as http://127.0.0.1:15672`,
    );
  }
  if (url.password !== '') {
    throw new CommandError(
      EXIT.usage,
      `a password on the command line is seen by everybody: use --password-file or ${PASSWORD_VARIABLE}`,
    );
  }
  const user = url.username === '' ? undefined : decodeURIComponent(url.username);
  url.username = '';
  return { url, user };
}

async function passwordOf(user: string, url: URL, flags: AccessFlags, environment: Environment): Promise<string> {
  if (flags.passwordFile !== undefined) return secretIn(flags.passwordFile, '--password-file');
  const given = environment[PASSWORD_VARIABLE];
  if (given !== undefined && given !== '') return given;
  return askSecret(
    `Password of ${user} at ${url.origin}`,
    `there is no terminal to ask for the password at: use --password-file or ${PASSWORD_VARIABLE}`,
  );
}

/** The text of a file that is named on the command line. @throws CommandError usage */
export function secretIn(path: string, option: string): string {
  try {
    return readSecretFile(path);
  } catch (error) {
    if (error instanceof BrokerError) throw new CommandError(EXIT.usage, `${option}: ${path} ${error.message}`);
    throw error;
  }
}

/** @throws CommandError unreachable, refused; BrokerError: the settings are wrong */
async function tokenOf(flags: AccessFlags, environment: Environment): Promise<TokenFile> {
  const { config, data } = flags;
  const settings = loadConfig(
    { ...(config !== undefined && { config }), ...(data !== undefined && { data }) },
    environment,
  );
  const directory = resolve(settings.config.data);
  const path = join(directory, TOKEN_FILE);
  let text: string | undefined;
  try {
    text = await nodeFiles.readText(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EACCES' ? 'only its owner may read it: be that user, or log in with --user' : (code ?? '');
    throw new CommandError(EXIT.refused, `${path} cannot be read: ${why}`);
  }
  const found = text === undefined ? undefined : parseTokenFile(text);
  if (found !== undefined) return found;
  const holder = await runningOn(directory).catch(() => 0);
  throw new CommandError(
    EXIT.unreachable,
    holder === 0
      ? `no broker runs on ${directory}: name its directory with --data, or another broker with --url and --user`
      : `process ${holder} runs on ${directory}, and this machine reaches no HTTP port of it without a proxy: use --url and --user`,
  );
}
