import * as fs from "node:fs/promises";
import * as path from "node:path";
import type { OtherComputer } from "./other-computer";

/** What is used of a page of playwright's. */
export interface BrowserPage {
  goto(url: string): Promise<{ status(): number } | null>;
  url(): string;
  fill(selector: string, value: string): Promise<void>;
  click(selector: string): Promise<void>;
  waitForURL(url: string | RegExp): Promise<void>;
  textContent(selector: string): Promise<string | null>;
  evaluate<T>(script: string): Promise<T>;
  screenshot(options: { path: string; fullPage: boolean }): Promise<unknown>;
  setViewportSize(size: { width: number; height: number }): Promise<void>;
  emulateMedia(media: { colorScheme: "light" | "dark" }): Promise<void>;
  on(event: "request", listener: (request: { url(): string; method(): string }) => void): void;
  on(event: "response", listener: (response: { url(): string; status(): number }) => void): void;
  on(event: "console", listener: (message: { type(): string; text(): string }) => void): void;
  on(event: "pageerror", listener: (error: Error) => void): void;
}

interface Browser {
  newPage(options: { viewport: { width: number; height: number } }): Promise<BrowserPage>;
  close(): Promise<void>;
}

/** Debian's Chromium on another computer of the house, which trusts an authority. */
export class OtherBrowser {
  private constructor(
    private readonly browser: Browser,
    readonly page: BrowserPage,
  ) {}

  /** @param trust line of shell that has Chromium trust an authority, as `lab ca` says it */
  static async on(computer: OtherComputer, trust: string): Promise<OtherBrowser> {
    const prepare = `mkdir -p "$HOME/.pki/nssdb" && certutil -d "sql:$HOME/.pki/nssdb" -N --empty-password && ${trust}`;
    const trusted = await computer.run("sh", "-ec", prepare);
    if (trusted.code !== 0) {
      throw new Error(trusted.output);
    }
    // What playwright starts runs over there; the pipe that it talks through stays open.
    const program = path.join(computer.home, "chromium");
    await fs.writeFile(program, `#!/bin/sh\nexec ${computer.there.join(" ")} chromium-headless-shell "$@"\n`, { mode: 0o755 });
    const { chromium } = require("playwright-core") as { chromium: { launch(options: object): Promise<Browser> } };
    const browser = await chromium.launch({ executablePath: program, env: { ...process.env, HOME: computer.home }, timeout: 60_000 });
    return new OtherBrowser(browser, await browser.newPage({ viewport: { width: 1280, height: 900 } }));
  }

  close(): Promise<void> {
    return this.browser.close();
  }
}
