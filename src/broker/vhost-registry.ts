/**
 * The vhosts of a broker: those that the configuration names, and those that an operator makes while it runs.
 *
 * What is made is a record in the broker's own state (`vhost:NAME`), written before anyone can enter: nothing can be confirmed in a
 * vhost that the next start would not find. What is removed is a record too (`vhost-gone:NAME`), written before its files go and
 * deleted after them: a start that finds one goes on with it, so that a vhost of the same name never begins with another's messages.
 *
 *     make     open the log ──▶ vhost:NAME is safe ──▶ clients may enter
 *     remove   vhost-gone:NAME is safe ──▶ clients are told to go, and have gone ──▶ log closed, files removed ──▶ forgotten
 */
import { join } from 'node:path';
import type { FileSystem } from '../log/files/files.ts';
import { BrokerError } from '../message/errors.ts';
import type { Vhost } from '../vhost/vhost.ts';
import type { VhostSettings } from './options.ts';
import type { BrokerState } from './state.ts';

export const VHOSTS_MAX = 1_000;
const NAME_CHARS_MAX = 255;
const DESCRIPTION_CHARS_MAX = 4_096;
const TAGS_MAX = 64;
const TAG_CHARS_MAX = 255;
const KEPT = 'vhost:';
const GONE = 'vhost-gone:';

/** What people are told of a vhost. */
export interface VhostDetails {
  readonly description: string;
  readonly tags: readonly string[];
}

export const NO_DETAILS: VhostDetails = { description: '', tags: [] };

interface Kept extends VhostDetails {
  /** It was made while the broker ran. Else the configuration has it, and this only says more of it. */
  readonly made: boolean;
}

export interface VhostRegistryOptions {
  readonly state: BrokerState;
  readonly files: FileSystem;
  /** The data directory. */
  readonly directory: string;
  /** @param directory its own */
  open(settings: VhostSettings, directory: string): Promise<Vhost>;
  /** Nobody can enter it any more. Tells those that are in it to go; resolves when they have, or after a while. */
  leave(name: string): Promise<void>;
  /** Within the commit unit that removes it: what else is kept under its name goes too. */
  forget(name: string): void;
}

export class VhostRegistry {
  /** Those that clients may enter. */
  readonly all = new Map<string, Vhost>();
  /** Queues of vhosts that were removed: what only rises is not to fall with them. */
  private readonly gone = { declared: 0, created: 0, deleted: 0 };
  private readonly options: VhostRegistryOptions;
  private readonly kept = new Map<string, Kept>();
  private readonly configured = new Set<string>();
  /** Changes are made one after the other. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(options: VhostRegistryOptions) {
    this.options = options;
    const { state } = options;
    for (const key of state.keys(KEPT)) {
      this.kept.set(key.slice(KEPT.length), JSON.parse(state.get(key)!.toString()) as Kept);
    }
  }

  /** Opens what there is. @throws what opening a log throws */
  async openAll(configured: readonly VhostSettings[]): Promise<void> {
    const { state } = this.options;
    for (const key of state.keys(GONE)) await this.clearAway(key.slice(GONE.length));
    for (const settings of configured) {
      this.configured.add(settings.name);
      this.all.set(settings.name, await this.open(settings));
    }
    for (const [name, { made }] of this.kept) {
      if (made && !this.all.has(name)) this.all.set(name, await this.open({ name }));
    }
  }

  /** @throws BrokerError not-found */
  named(name: string): Vhost {
    const vhost = this.all.get(name);
    if (vhost === undefined) throw new BrokerError('not-found', `vhost '${name}' not found`);
    return vhost;
  }

  /** Resolves when all that was written in it until now is safe. @throws BrokerError not-found, unavailable */
  async whenSafe(name: string): Promise<void> {
    const { confirms, units } = this.named(name);
    await new Promise<void>((resolve, reject) => {
      confirms.whenSafe(units.mark(), (failed) => {
        if (failed) reject(new BrokerError('unavailable', `vhost '${name}': the log has failed`));
        else resolve();
      });
    });
  }

  details(name: string): VhostDetails {
    const kept = this.kept.get(name);
    return kept === undefined ? NO_DETAILS : { description: kept.description, tags: kept.tags };
  }

  /** Queues since the start, over all vhosts that there were. */
  get queueChurn(): { readonly declared: number; readonly created: number; readonly deleted: number } {
    const sum = { ...this.gone };
    for (const { topology } of this.all.values()) {
      const { churn } = topology.registry;
      sum.declared += churn.declared;
      sum.created += churn.created;
      sum.deleted += churn.deleted;
    }
    return sum;
  }

  /** The configuration has it: it is removed there. */
  isConfigured(name: string): boolean {
    return this.configured.has(name);
  }

  /**
   * Makes a vhost, or takes what is said of the one there is. @returns whether it was made
   * @throws BrokerError invalid, not-allowed (too many), unavailable
   */
  put(name: string, details: VhostDetails): Promise<boolean> {
    return this.inOrder(async () => {
      checkName(name);
      checkDetails(details);
      const { state } = this.options;
      await state.opened();
      const there = this.all.get(name);
      if (there === undefined && this.all.size >= VHOSTS_MAX) {
        throw new BrokerError('not-allowed', `there are ${VHOSTS_MAX} vhosts already`);
      }
      const { description, tags } = details;
      const kept: Kept = { description, tags: [...tags], made: !this.configured.has(name) };
      const vhost = there ?? (await this.open({ name }));
      try {
        state.unit(() => state.put(KEPT + name, Buffer.from(JSON.stringify(kept))));
        await state.safe();
      } catch (error) {
        if (there === undefined) await vhost.close();
        throw error;
      }
      this.kept.set(name, kept);
      this.all.set(name, vhost);
      return there === undefined;
    });
  }

  /**
   * Removes a vhost with all that is in it. False: there is none.
   * @throws BrokerError not-allowed (the configuration has it), unavailable
   */
  remove(name: string): Promise<boolean> {
    return this.inOrder(async () => {
      const vhost = this.all.get(name);
      if (vhost === undefined) return false;
      if (this.configured.has(name)) {
        throw new BrokerError(
          'not-allowed',
          `vhost '${name}' is set by the configuration, and can only be removed there`,
        );
      }
      const { state } = this.options;
      await state.opened();
      state.unit(() => {
        state.put(GONE + name, Buffer.alloc(0));
        state.delete(KEPT + name);
      });
      await state.safe();
      this.kept.delete(name);
      this.all.delete(name);
      await this.options.leave(name);
      vhost.quieten();
      await vhost.close();
      vhost.store.disown();
      const { registry, queues } = vhost.topology;
      this.gone.declared += registry.churn.declared;
      this.gone.created += registry.churn.created;
      this.gone.deleted += registry.churn.deleted + queues.size;
      await this.clearAway(name);
      return true;
    });
  }

  /** Its files go, and then the record that they have to, with what else is kept under its name. */
  private async clearAway(name: string): Promise<void> {
    const { state, files } = this.options;
    await files.removeDirectory(this.directoryOf(name));
    await state.opened();
    state.unit(() => {
      state.delete(GONE + name);
      this.options.forget(name);
    });
    await state.safe();
  }

  private open(settings: VhostSettings): Promise<Vhost> {
    return this.options.open(settings, this.directoryOf(settings.name));
  }

  private directoryOf(name: string): string {
    return join(this.options.directory, 'vhosts', encodeURIComponent(name));
  }

  private inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => {});
    return result;
  }
}

/** Whether the state of a broker that does not run has a vhost that was made while it ran. */
export function isKeptVhost(state: Pick<BrokerState, 'get'>, name: string): boolean {
  const kept = state.get(KEPT + name);
  return kept !== undefined && (JSON.parse(kept.toString()) as Kept).made;
}

/** @throws BrokerError invalid */
function checkName(name: string): void {
  // Its directory has the name with what files may not have in theirs written as %XX.
  const named = name.isWellFormed() ? encodeURIComponent(name) : '';
  if (named !== '' && named.length <= NAME_CHARS_MAX && named !== '.' && named !== '..') return;
  throw new BrokerError(
    'invalid',
    `a vhost's name is a text of 1 to ${NAME_CHARS_MAX} characters (each byte but letters, digits and a few marks counts three), not . or ..`,
  );
}

/** @throws BrokerError invalid */
function checkDetails({ description, tags }: VhostDetails): void {
  if (description.length > DESCRIPTION_CHARS_MAX) {
    throw new BrokerError('invalid', `a vhost's description has ${DESCRIPTION_CHARS_MAX} characters at most`);
  }
  if (tags.length > TAGS_MAX || tags.some((tag) => tag === '' || tag.length > TAG_CHARS_MAX)) {
    throw new BrokerError('invalid', `a vhost has ${TAGS_MAX} tags at most, of 1 to ${TAG_CHARS_MAX} characters`);
  }
}
