import type { Publication } from "./mirror";

/** What the embedded lab's mirror offers: everything that is in the cache. */
export async function publications(_log: (line: string) => void): Promise<Publication[]> {
  return [];
}
