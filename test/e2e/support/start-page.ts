import * as fs from "node:fs/promises";
import * as path from "node:path";
import { panelQueries } from "../../../components/watched";
import type { BrowserPage } from "./browser";
import { checkout, eventually } from "./lab";

/** By attribute, the values that elements of a kind have: `{ Prometheus: "good" }`. */
export function states(page: BrowserPage, name: string, state: string): Promise<Record<string, string>> {
  return page.evaluate(
    `Object.fromEntries([...document.querySelectorAll("[data-${name}]")].map((one) => [one.dataset.${name}, one.dataset.${state}]))`,
  );
}

/** Pictures of a page as it is for readers of all kinds; a page that is wider than a phone is refused. */
export async function picture(page: BrowserPage, name: string): Promise<void> {
  const folder = path.join(checkout, ".lab", "screenshots");
  await fs.mkdir(folder, { recursive: true });
  const take = async (kind: string) => {
    // Charts are drawn anew when colours or sizes change.
    await page.evaluate("new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(drawn, 100))))");
    await page.screenshot({ path: path.join(folder, `${name}-${kind}.png`), fullPage: true });
  };
  await page.emulateMedia({ colorScheme: "light" });
  await take("light");
  await page.emulateMedia({ colorScheme: "dark" });
  await take("dark");
  await page.setViewportSize({ width: 390, height: 844 });
  await take("phone");
  const wider = await page.evaluate<number>("document.documentElement.scrollWidth - innerWidth");
  expect([name, wider]).toEqual([name, 0]);
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.emulateMedia({ colorScheme: "light" });
}

/** Opens a dashboard and waits until each panel has its answer. Returns the panels' states. */
export async function openDashboard(page: BrowserPage, uid: string): Promise<Record<string, string>> {
  await page.click(`nav a[href="#${uid}"]`);
  const answered = `Boolean(document.querySelector('nav a[href="#${uid}"][aria-current]') && document.querySelector("[data-panel]") &&
    !document.querySelector('[data-state="waiting"]'))`;
  // Not by playwright's own wait: the page's content security policy forbids what that does.
  await eventually(`the answers of ${uid}`, 60, () => page.evaluate<boolean>(answered));
  return states(page, "panel", "state");
}

/**
 * Compares what a page asked Prometheus for with the dashboards' queries; returns those that were not asked.
 *
 * @param urls of the page's requests
 */
export function notAsked(urls: readonly string[]): string[] {
  const asked = new Set(
    urls
      .filter((url) => /\/api\/v1\/query(_range)?\?/.test(url))
      .map((url) => new URL(url).searchParams.get("query")?.replaceAll("[300s]", "[5m]")),
  );
  return panelQueries("tasks").flatMap(({ dashboard, panel, expr }) => (asked.has(expr) ? [] : [`${dashboard} / ${panel}: ${expr}`]));
}
