import type { AccountState, TaskServersOptions } from "./args";

/** One user of one organisation. `id` names its key and certificate in the stack. */
export interface Account {
  /** `organisation/user`. */
  id: string;
  organisation: string;
  user: string;
  state: AccountState;
  /** Ids that the account had under former names of the user or the organisation. */
  formerIds: string[];
}

/** All users in the settings, in the settings' order. */
export function accountsOf(settings: Pick<TaskServersOptions, "organisations">): Account[] {
  return settings.organisations.flatMap((organisation) =>
    organisation.users.map((user) => {
      const organisations = [organisation.name, organisation.formerly];
      const users = [user.name, user.formerly];
      const ids = organisations.flatMap((o) => (o ? users.flatMap((u) => (u ? [`${o}/${u}`] : [])) : []));
      return { id: ids[0], organisation: organisation.name, user: user.name, state: user.state, formerIds: ids.slice(1) };
    }),
  );
}

/** The records that `layout.sh` reads; see there. `keys` has the key of every account by id. */
export function renderAccounts(settings: Pick<TaskServersOptions, "organisations">, keys: Record<string, string>): string {
  const organisations = settings.organisations.map((entry) => ["org", entry.state, entry.name]);
  const users = accountsOf(settings).map((account) => {
    const key = keys[account.id];
    if (!key) {
      throw new Error(`no key was made for ${account.id}`);
    }
    return ["user", account.state, account.organisation, account.user, key];
  });
  return [...organisations, ...users].map((record) => `${record.join("\t")}\n`).join("");
}

/** `org/user/key`, the value of `taskd.credentials` in a taskrc. */
export function credentialsOf(account: Account, key: string): string {
  return `${account.organisation}/${account.user}/${key}`;
}
