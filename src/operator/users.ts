/** Users in lists: by name, and what each of them may do, row by row. */
import type { UserInfo, Users } from '../api/users.ts';
import { Listing, type Source } from './listing/listing.ts';
import { compareText } from './listing/order.ts';
import type { Pace } from './listing/pace.ts';

export class UserLists {
  /** Of no vhost: the scope is not looked at. */
  readonly list: Listing<UserInfo, UserInfo>;
  private readonly users: Users;
  private readonly pace: Pace;

  constructor(users: Users, pace: Pace) {
    this.users = users;
    this.pace = pace;
    this.list = new Listing(new UserSource(users), pace);
  }

  /** Rows of users, such as their permissions, by vhost and user. */
  rows<T extends { readonly user: string; readonly vhost: string }>(
    of: (user: UserInfo) => readonly T[],
  ): Listing<T, T> {
    return new Listing(new RowSource(this.users, of), this.pace);
  }
}

class UserSource implements Source<UserInfo, UserInfo> {
  private readonly users: Users;

  constructor(users: Users) {
    this.users = users;
  }

  count(): number {
    return this.users.names().length;
  }

  *walk(): Generator<UserInfo> {
    for (const name of this.users.names()) {
      const user = this.users.get(name);
      if (user !== undefined) yield user;
    }
  }

  view(user: UserInfo): UserInfo {
    return user;
  }

  compare(a: UserInfo, b: UserInfo): number {
    return compareText(a.name, b.name);
  }
}

class RowSource<T extends { readonly user: string; readonly vhost: string }> implements Source<T, T> {
  private readonly users: UserSource;
  private readonly of: (user: UserInfo) => readonly T[];

  constructor(users: Users, of: (user: UserInfo) => readonly T[]) {
    this.users = new UserSource(users);
    this.of = of;
  }

  count(): number {
    let count = 0;
    for (const user of this.users.walk()) count += this.of(user).length;
    return count;
  }

  *walk(): Generator<T> {
    for (const user of this.users.walk()) yield* this.of(user);
  }

  view(row: T): T {
    return row;
  }

  compare(a: T, b: T): number {
    return compareText(a.vhost, b.vhost) || compareText(a.user, b.user);
  }
}
