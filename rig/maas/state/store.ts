/**
 * Keeps the database in memory and on disk. A snapshot is written to a new file and renamed over the old one, so a
 * SIGKILL leaves either the state before or the state after a request; writes of requests that overlap are joined.
 */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../../components/core/user-error";
import type { Database, Tables } from "./model";

type Row<K extends keyof Tables> = Tables[K][number];

const joinMilliseconds = 15;

export class Store {
  private dirty = false;
  private closed = false;
  private writing: Promise<void> | undefined;
  private readonly file: string | undefined;

  constructor(
    readonly database: Database,
    private readonly directory?: string,
  ) {
    if (!directory) return;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    this.file = join(directory, "region.json");
  }

  static read(directory: string): Database | undefined {
    const file = join(directory, "region.json");
    if (!existsSync(file)) return undefined;
    const database = parsed(file);
    if (database.format !== 1)
      throw new Error(`${file}: state of another version (${String(database.format)}); remove it to start a fresh region`);
    return database;
  }

  get tables(): Tables {
    return this.database.tables;
  }

  /** The next id of a table; the first one is `first` (MAAS has tables that start at 0, and VLANs at 5001). */
  nextId(table: string, first = 1): number {
    const id = this.database.sequences[table] ?? first;
    this.database.sequences[table] = id + 1;
    return id;
  }

  insert<K extends keyof Tables>(table: K, row: Row<K>): Row<K> {
    (this.database.tables[table] as Row<K>[]).push(row);
    this.touch();
    return row;
  }

  remove<K extends keyof Tables>(table: K, gone: (row: Row<K>) => boolean): void {
    const rows = this.database.tables[table] as Row<K>[];
    (this.database.tables as any)[table] = rows.filter((row) => !gone(row));
    this.touch();
  }

  touch(): void {
    this.dirty = true;
  }

  /** The last write; nothing that still goes on behind the simulator's back is written after it. */
  async close(): Promise<void> {
    await this.flush();
    this.closed = true;
  }

  /** As after SIGKILL: nothing is written from now on. */
  abandon(): void {
    this.closed = true;
  }

  /** Returns when everything changed so far is on disk. */
  async flush(): Promise<void> {
    while (this.dirty || this.writing) {
      this.writing ??= this.write().finally(() => {
        this.writing = undefined;
      });
      await this.writing;
    }
  }

  private async write(): Promise<void> {
    // A moment for other requests to join: a hundred machines that act at once share a few snapshots.
    if (this.file) await new Promise((resolve) => setTimeout(resolve, joinMilliseconds));
    this.dirty = false;
    if (!this.file || !this.directory || this.closed) return;
    const next = `${this.file}.next`;
    try {
      const handle = await open(next, "w", 0o600);
      try {
        await handle.writeFile(JSON.stringify(this.database));
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(next, this.file);
    } catch (error) {
      // The disk is full: what is in memory still has to be written, once there is room.
      this.dirty = true;
      throw error;
    }
    const folder = openSync(this.directory, "r");
    fsyncSync(folder);
    closeSync(folder);
  }
}

function parsed(file: string): Database {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Database;
  } catch (error) {
    throw new UserError({
      path: file,
      message: "the simulated MAAS's database cannot be read",
      found: (error as Error).message,
      fix: "put the file back from a copy, or remove it to start with an empty MAAS",
    });
  }
}
