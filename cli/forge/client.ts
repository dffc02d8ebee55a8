import { UserError } from "../../components/core/user-error";

/** Where a forge is: GitHub, or one that answers as it does (Gitea, Forgejo). */
export interface ForgePlace {
  /** Its API, for example `https://git.home.arpa/api/v1`. */
  api: string;
  /** `owner/name`. */
  repository: string;
  token: string;
}

export interface User {
  login: string;
  /** GitHub only. */
  type?: string;
}

export interface PullRequest {
  number: number;
  head: { sha: string; repo: { full_name: string } | null };
  labels?: { name: string }[];
}

export interface Comment {
  id: number;
  body?: string;
  user: User | null;
}

export interface Issue {
  number: number;
  title: string;
  pull_request?: unknown;
}

/** An answer of the forge other than the one that was hoped for. The message names the request, never the token. */
export class ForgeError extends Error {
  constructor(
    readonly status: number,
    request: string,
    answer: string,
  ) {
    super(`${request}: the forge answered ${status}: ${answer.slice(0, 300)}`);
  }
}

const limits = { page: 50, pages: 40, milliseconds: 30_000 };

/** What runners of all forges set. */
export function forgeOf(environment: NodeJS.ProcessEnv): ForgePlace {
  const { GITHUB_API_URL: api, GITHUB_REPOSITORY: repository, FORGE_TOKEN: token } = environment;
  if (!api || !repository || !token) {
    throw new UserError({
      path: "environment",
      message: "nothing says which forge this is for",
      allowed: "GITHUB_API_URL, GITHUB_REPOSITORY and FORGE_TOKEN",
      fix: "run it in a workflow, with FORGE_TOKEN: ${{ github.token }}",
    });
  }
  return { api: api.replace(/\/+$/, ""), repository, token };
}

/** The few calls that GitHub, Gitea and Forgejo have in common. */
export class Forge {
  constructor(private readonly place: ForgePlace) {}

  async request<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await fetch(`${this.place.api}${path}`, {
      method,
      headers: {
        accept: "application/json",
        authorization: `Bearer ${this.place.token}`,
        "user-agent": "cloud-native-home-lab",
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(limits.milliseconds),
      // A redirect would take the token along to somewhere else.
      redirect: "error",
    });
    const text = await response.text();
    if (!response.ok) {
      throw new ForgeError(response.status, `${method} ${path}`, text);
    }
    return (text === "" ? undefined : JSON.parse(text)) as T;
  }

  private get repository(): string {
    return `/repos/${this.place.repository}`;
  }

  /** Every item of a list: GitHub counts a page's items as `per_page`, the others as `limit`. */
  private async all<T>(path: string, query: Record<string, string> = {}): Promise<T[]> {
    const found: T[] = [];
    for (let page = 1; page <= limits.pages; page++) {
      const all = new URLSearchParams({ ...query, page: String(page), per_page: String(limits.page), limit: String(limits.page) });
      const items = await this.request<T[]>("GET", `${path}?${all}`);
      found.push(...items);
      // A forge may be set to shorter pages than it is asked for.
      if (items.length === 0) {
        break;
      }
    }
    return found;
  }

  openPullRequests(): Promise<PullRequest[]> {
    return this.all(`${this.repository}/pulls`, { state: "open" });
  }

  pullRequest(number: number): Promise<PullRequest> {
    return this.request("GET", `${this.repository}/pulls/${number}`);
  }

  /** Those that brought a commit into the repository. */
  async pullRequestsOf(commit: string): Promise<PullRequest[]> {
    try {
      return await this.request<PullRequest[]>("GET", `${this.repository}/commits/${commit}/pulls`);
    } catch (error) {
      if (!(error instanceof ForgeError) || error.status !== 404) {
        throw error;
      }
    }
    // Gitea and Forgejo know one at most.
    return this.request<PullRequest>("GET", `${this.repository}/commits/${commit}/pull`).then(
      (one) => [one],
      (error: unknown) => {
        if (error instanceof ForgeError && error.status === 404) {
          return [];
        }
        throw error;
      },
    );
  }

  comments(number: number): Promise<Comment[]> {
    return this.all(`${this.repository}/issues/${number}/comments`);
  }

  createComment(number: number, body: string): Promise<Comment> {
    return this.request("POST", `${this.repository}/issues/${number}/comments`, { body });
  }

  editComment(id: number, body: string): Promise<Comment> {
    return this.request("PATCH", `${this.repository}/issues/comments/${id}`, { body });
  }

  openIssues(): Promise<Issue[]> {
    return this.all<Issue>(`${this.repository}/issues`, { state: "open", type: "issues" }).then((issues) =>
      issues.filter(({ pull_request: pull }) => pull === undefined || pull === null),
    );
  }

  createIssue(title: string, body: string): Promise<Issue> {
    return this.request("POST", `${this.repository}/issues`, { title, body });
  }

  editIssue(number: number, change: { body?: string; state?: "open" | "closed" }): Promise<Issue> {
    return this.request("PATCH", `${this.repository}/issues/${number}`, change);
  }

  /** GitHub takes a label's name; the others take its number, and only one that exists. */
  async addLabel(number: number, label: string): Promise<void> {
    const labels = await this.all<{ id: number; name: string }>(`${this.repository}/labels`);
    const known = labels.find(({ name }) => name === label) ?? (await this.createLabel(label));
    const path = `${this.repository}/issues/${number}/labels`;
    await this.request("POST", path, { labels: [label] }).catch(async (error: unknown) => {
      if (!(error instanceof ForgeError) || error.status === 403) {
        throw error;
      }
      await this.request("POST", path, { labels: [known.id] });
    });
  }

  private createLabel(name: string): Promise<{ id: number; name: string }> {
    return this.request("POST", `${this.repository}/labels`, { name, color: "d93f0b" });
  }

  /** Whether a workflow's token wrote something, or whoever this token belongs to. */
  async isOwn(): Promise<(user: User | null) => boolean> {
    const self = await this.request<User>("GET", "/user").then(
      ({ login }) => login,
      () => undefined,
    );
    // Nobody can have one of these names on a forge where a workflow has it; GitHub alone tells types.
    return (user) => {
      if (user === null) {
        return false;
      }
      const workflow = user.type === undefined ? ["gitea-actions", "forgejo-actions"] : user.type === "Bot" ? ["github-actions[bot]"] : [];
      return user.login === self || workflow.includes(user.login);
    };
  }
}
