/** This broker and Mosquitto with its plugin, both from the file that `mosquitto_ctrl dynsec init` makes. */
import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Peer, startEntrepot, startMosquitto } from '../peers/index.ts';
import { temporaryDirectory } from '../support/processes.ts';

const PLUGINS = [
  '/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so',
  '/usr/lib/aarch64-linux-gnu/mosquitto_dynamic_security.so',
  '/usr/lib/mosquitto_dynamic_security.so',
];
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

export const ADMIN = { username: 'admin', password: 'admin-password' };

/** Undefined: it is not installed. */
export function pluginPath(): string | undefined {
  if (spawnSync('mosquitto_ctrl', ['--help']).error !== undefined) return undefined;
  return PLUGINS.find((path) => spawnSync('test', ['-r', path]).status === 0);
}

export interface Pair {
  readonly entrepot: Peer;
  readonly mosquitto: Peer;
  stop(): Promise<void>;
}

export async function startPair(plugin: string): Promise<Pair> {
  const home = await temporaryDirectory('dynsec');
  await chmod(home.path, 0o777);
  const file = join(home.path, 'dynamic-security.json');
  const data = join(home.path, 'data');
  spawnSync('mosquitto_ctrl', ['dynsec', 'init', file, ADMIN.username, ADMIN.password]);
  const imported = spawnSync(process.execPath, [
    MAIN,
    'import',
    'mosquitto',
    '--dynamic-security',
    file,
    '--data',
    data,
  ]);
  if (imported.status !== 0) throw new Error(imported.stderr.toString());
  // It writes to the file, as the user that it runs as.
  await chmod(file, 0o666);
  const settings = [`plugin ${plugin}`, `plugin_opt_config_file ${file}`];
  const mosquitto = await startMosquitto({ settings, anonymous: false });
  const entrepot = await startEntrepot({ data });
  return {
    entrepot,
    mosquitto,
    async stop() {
      await entrepot.stop();
      await mosquitto.stop();
      await home.remove();
    },
  };
}
