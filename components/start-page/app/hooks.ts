import { useEffect, useState } from "preact/hooks";

/** What was asked for: not there yet, there, or an error; the last answer stays while the next one is on its way. */
export interface Asked<T> {
  value?: T;
  error?: string;
}

const REFRESH_MILLISECONDS = 30_000;

/** Asks now, whenever `dependencies` change, and every half minute while somebody looks. */
export function useAsked<T>(ask: () => Promise<T>, dependencies: readonly unknown[]): Asked<T> {
  const [asked, set] = useState<Asked<T>>({});
  useEffect(() => {
    let current = true;
    const run = () => {
      if (document.visibilityState === "hidden") {
        return;
      }
      ask().then(
        (value) => current && set({ value }),
        (error: Error) => current && set((last) => ({ value: last.value, error: error.message })),
      );
    };
    run();
    const timer = setInterval(run, REFRESH_MILLISECONDS);
    document.addEventListener("visibilitychange", run);
    return () => {
      current = false;
      clearInterval(timer);
      document.removeEventListener("visibilitychange", run);
    };
  }, dependencies);
  return asked;
}

/** The part of the address after `#`. */
export function useHash(): string {
  const [hash, set] = useState(location.hash.slice(1));
  useEffect(() => {
    const follow = () => {
      set(location.hash.slice(1));
      scrollTo(0, 0);
    };
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return hash;
}

/** Whether the reader's system is dark. */
export function useDark(): boolean {
  const media = matchMedia("(prefers-color-scheme: dark)");
  const [dark, set] = useState(media.matches);
  useEffect(() => {
    const follow = () => set(media.matches);
    media.addEventListener("change", follow);
    return () => media.removeEventListener("change", follow);
  }, []);
  return dark;
}
