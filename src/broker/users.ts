/** The users of a broker: changed by programs and the configuration, kept in its state, and asked by its authenticator. */

import type { AccessRequest } from '../api/identity.ts';
import type { ExportedHash, Permissions, TopicPermissions, UserInfo, UserSettings, Users } from '../api/users.ts';
import type { CertificateUserFrom } from '../auth/certificate-user.ts';
import { exportedHash } from '../auth/exported-hash.ts';
import { InternalAuthenticator, type LoginSettings } from '../auth/internal-authenticator.ts';
import { ANONYMOUS } from '../auth/loopback-only.ts';
import { PasswordWork } from '../auth/password-work.ts';
import { hashPassword } from '../auth/passwords.ts';
import { checkPattern, type Explanation, RuledAccess } from '../auth/permissions/ruled-access.ts';
import { RoleAccess } from '../auth/roles/role-access.ts';
import { RoleStore } from '../auth/roles/role-store.ts';
import { scramSecretLater } from '../auth/scram.ts';
import { checkName, checkPermissions, checkSettings } from '../auth/user-checks.ts';
import { User, type UserSecrets, UserStore } from '../auth/user-store.ts';
import type { Clock } from '../clock/clock.ts';
import { BrokerError } from '../message/errors.ts';
import type { BrokerState } from './state.ts';

/** A user that the configuration sets, with all that it may do. */
export interface ConfiguredUser extends UserSettings {
  readonly name: string;
  readonly permissions?: Readonly<Record<string, Permissions>> | undefined;
  readonly topicPermissions?:
    | readonly (TopicPermissions & { readonly vhost: string; readonly exchange: string })[]
    | undefined;
}

export interface BrokerUsersOptions {
  readonly state: BrokerState;
  readonly clock: Clock;
  readonly login: LoginSettings;
  readonly userFrom: CertificateUserFrom;
  readonly hasVhost: (name: string) => boolean;
  /** Within the commit unit that deletes a user: what else is kept under its name goes too. Left out: nothing is. */
  readonly forget?: (name: string) => void;
  readonly onFault: (error: unknown) => void;
}

/** Hashing of new passwords takes its turns among the logins' under this name. */
const OWN_ADDRESS = 'own';

export class BrokerUsers implements Users {
  readonly authenticator: InternalAuthenticator;
  readonly store: UserStore;
  readonly roles: RoleStore;
  readonly roleAccess: RoleAccess;
  private readonly state: BrokerState;
  private readonly hasVhost: (name: string) => boolean;
  private readonly forget: (name: string) => void;
  private readonly work = new PasswordWork();

  constructor({ state, clock, login, userFrom, hasVhost, forget = () => {}, onFault }: BrokerUsersOptions) {
    this.forget = forget;
    this.state = state;
    this.hasVhost = hasVhost;
    this.store = new UserStore({ state, checkPattern, hasVhost });
    const roles = new RoleStore(state);
    const roleAccess = new RoleAccess(roles, ANONYMOUS);
    this.roles = roles;
    this.roleAccess = roleAccess;
    state.onTakenBack(() => {
      roles.reload();
      this.store.reload();
    });
    this.authenticator = new InternalAuthenticator({
      ...{ store: this.store, clock, login, userFrom, onFault },
      change: (work) => this.change(work),
      accessOver: (rules) => new RuledAccess(rules, roleAccess),
      standing: {
        admits: (user, clientId) => roles.admits(user, clientId),
        isDisabled: (user) => roles.isDisabled(user),
        epochOf: (user) => roles.epochOf(user),
        judges: (user) => roleAccess.judges(user),
      },
    });
    roles.onChanged(() => this.store.announce());
  }

  /** Which rule decides, and how. */
  explain(user: string, request: AccessRequest): Explanation {
    return new RuledAccess(this.authenticator, this.roleAccess).explain({ user }, request);
  }

  /** There is neither a configured user nor a kept one. */
  get empty(): boolean {
    return this.store.empty;
  }

  list(): UserInfo[] {
    return this.store.list();
  }

  get(name: string): UserInfo | undefined {
    return this.store.find(name)?.describe();
  }

  names(): string[] {
    return this.store.names();
  }

  passwordHash(name: string): ExportedHash {
    return exportedHash(this.store.find(name)?.secrets.hash);
  }

  async put(name: string, settings: UserSettings): Promise<void> {
    checkName(name, "a user's name");
    const { password, hash, tags } = checkSettings(settings);
    const secrets = password === undefined ? { hash } : await this.secretsOf(password);
    const proof = password === undefined ? undefined : this.authenticator.proofOf(password);
    await this.change(() => this.store.put(name, tags, secrets, proof));
  }

  delete(name: string): Promise<boolean> {
    return this.change(() => this.deleteNow(name));
  }

  deleteNow(name: string): boolean {
    const had = this.store.delete(name);
    if (had) {
      this.roles.forget(name);
      this.forget(name);
    }
    return had;
  }

  /** Within a commit unit that removes the vhost: what anybody may do in it goes too. */
  vhostRemoved(vhost: string): void {
    this.store.vhostRemoved(vhost);
  }

  setPermissions(user: string, vhost: string, permissions: Permissions): Promise<void> {
    return this.change(() => this.store.setPermissions(user, vhost, permissions));
  }

  clearPermissions(user: string, vhost: string): Promise<boolean> {
    return this.change(() => this.store.clearPermissions(user, vhost));
  }

  setTopicPermissions(user: string, vhost: string, exchange: string, permissions: TopicPermissions): Promise<void> {
    return this.change(() => this.store.setTopicPermissions(user, vhost, exchange, permissions));
  }

  clearTopicPermissions(user: string, vhost: string, exchange?: string): Promise<boolean> {
    return this.change(() => this.store.clearTopicPermissions(user, vhost, exchange));
  }

  /**
   * Takes the configuration's users, in the place of those it had. What has the same password as before stays logged in.
   * @throws BrokerError invalid, with the user's name: nothing has changed then
   */
  async configure(users: readonly ConfiguredUser[], login?: LoginSettings): Promise<void> {
    const made = await Promise.all(users.map((user) => this.made(user)));
    if (login !== undefined) this.authenticator.login = login;
    this.store.configure(made);
  }

  private async made(given: ConfiguredUser): Promise<User> {
    const { name, permissions = {}, topicPermissions = [] } = given;
    try {
      checkName(name, 'the name');
      const { password, hash, tags } = checkSettings(given);
      const secrets = password === undefined ? { hash } : { scram: await scramSecretLater(password) };
      const user = new User(name, tags, secrets, {
        configured: true,
        ...(password !== undefined && { proof: this.authenticator.proofOf(password) }),
      });
      for (const [vhost, rules] of Object.entries(permissions)) {
        this.demandVhost(vhost);
        user.permissions.set(vhost, checkPermissions(rules, ['configure', 'write', 'read'], checkPattern));
      }
      for (const { vhost, exchange, ...rules } of topicPermissions) {
        this.demandVhost(vhost);
        checkName(exchange, "an exchange's name");
        user.setTopic(vhost, { exchange, ...checkPermissions(rules, ['write', 'read'], checkPattern) });
      }
      return user;
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      throw new BrokerError('invalid', `the configured user '${name}': ${error.message}`);
    }
  }

  private demandVhost(vhost: string): void {
    if (!this.hasVhost(vhost)) throw new BrokerError('invalid', `there is no vhost '${vhost}'`);
  }

  async secretsOf(password: Buffer): Promise<UserSecrets> {
    const made = this.work.run(OWN_ADDRESS, async () => ({
      hash: await hashPassword(password),
      scram: await scramSecretLater(password),
    }));
    if (made === undefined) throw new BrokerError('unavailable', 'too many passwords wait to be hashed');
    return made;
  }

  /** In force when it has been appended, safe when it is on the disk; taken back if that fails. @throws BrokerError unavailable */
  async change<T>(work: () => T): Promise<T> {
    await this.state.opened();
    const result = this.state.unit(work);
    await this.state.safe();
    return result;
  }
}
