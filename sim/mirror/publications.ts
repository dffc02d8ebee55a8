import type { Publication } from "./mirror";

export async function publications(log: (line: string) => void): Promise<Publication[]> {
  log("");
  return [];
}
