/** Prometheus and Alertmanager, which the ingress serves below the page's own name. */

export interface Sample {
  labels: Record<string, string>;
  value: number;
}

export interface Series {
  labels: Record<string, string>;
  /** By time in seconds. */
  points: Map<number, number>;
}

export interface Alert {
  labels: Record<string, string>;
  annotations: Record<string, string>;
  startsAt: string;
}

async function json<T>(url: string): Promise<T> {
  const response = await fetch(url, { headers: { accept: "application/json" } });
  if (response.status === 401 || response.status === 403) {
    // The session is over: the login stands in the page's place.
    location.reload();
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) {
    throw new Error(answer.error ?? `${url.split("?")[0]} answered ${response.status}`);
  }
  return answer;
}

const prometheus = async <T>(what: string, parameters: Record<string, string>): Promise<T> =>
  (await json<{ data: T }>(`/api/v1/${what}?${new URLSearchParams(parameters)}`)).data;

/** The values of an expression now. */
export async function instant(query: string): Promise<Sample[]> {
  const { result } = await prometheus<{ result: { metric: Record<string, string>; value: [number, string] }[] }>("query", { query });
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

/** The values of an expression over time; all in seconds. */
export async function range(query: string, start: number, end: number, step: number): Promise<Series[]> {
  const { result } = await prometheus<{ result: { metric: Record<string, string>; values: [number, string][] }[] }>("query_range", {
    query,
    start: String(start),
    end: String(end),
    step: String(step),
  });
  return result.map(({ metric, values }) => ({ labels: metric, points: new Map(values.map(([time, value]) => [time, Number(value)])) }));
}

/** The values that a label of a metric has. */
export async function labelValues(metric: string, label: string): Promise<string[]> {
  return prometheus<string[]>(`label/${label}/values`, { "match[]": metric });
}

/** What fires and is not silenced, without the watchdog, which always does. */
export async function alerts(): Promise<Alert[]> {
  const all = await json<Alert[]>("/api/v2/alerts?active=true&silenced=false&inhibited=false");
  const rank = ({ labels }: Alert) => (labels.severity === "critical" ? 0 : 1);
  return all.filter(({ labels }) => labels.severity !== "none").sort((a, b) => rank(a) - rank(b) || (a.startsAt < b.startsAt ? -1 : 1));
}

/** Whoever is logged in. */
export async function user(): Promise<string> {
  const { user: name, email } = await json<{ user?: string; email?: string }>("/oauth2/userinfo");
  return name || email || "";
}
