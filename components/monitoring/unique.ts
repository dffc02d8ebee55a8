/** @throws Error where two things that are watched claim one name: Prometheus and Grafana would refuse, or drop, one of them. */
export function unique<T>(all: readonly T[], name: (each: T) => string, what: string): T[] {
  const names = all.map(name);
  const twice = names.find((each, index) => names.indexOf(each) < index);
  if (twice !== undefined) {
    throw new Error(`two things that are watched have a ${what} called ${twice}: rename one of them`);
  }
  return [...all];
}
