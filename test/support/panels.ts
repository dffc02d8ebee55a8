import { type PanelQuery, panelQueries } from "../../components/watched";

interface Answer {
  status: string;
  error?: string;
  data?: { result: unknown[] };
}

/**
 * Runs the query of every panel of every dashboard against a Prometheus and returns those that fail or have no data,
 * but for those that the stack has no part for, or that say themselves why they may be empty.
 */
export async function panelsWithoutData(prometheus: string, parts: readonly string[], taskNamespace = "tasks"): Promise<string[]> {
  const wanted = panelQueries(taskNamespace).filter(({ needs }) => needs === undefined || parts.includes(needs));
  const found: string[] = [];
  for (const query of wanted) {
    const { status, error, data } = await ask(prometheus, query);
    if (status !== "success") {
      found.push(`${query.dashboard} / ${query.panel}: ${error}`);
    } else if (data?.result.length === 0 && query.mayBeEmpty === undefined) {
      found.push(`${query.dashboard} / ${query.panel}: no data for ${query.expr}`);
    }
  }
  return found;
}

async function ask(prometheus: string, { expr }: PanelQuery): Promise<Answer> {
  const response = await fetch(`${prometheus}/api/v1/query`, { method: "POST", body: new URLSearchParams({ query: expr }) });
  return (await response.json()) as Answer;
}
