import * as fs from "node:fs/promises";
import { tmpdir } from "node:os";
import * as path from "node:path";
import { dashboards } from "../../../components/watched";
import { OtherBrowser } from "../support/browser";
import { done, eventually, type TestLab } from "../support/lab";
import { OtherComputer } from "../support/other-computer";
import { notAsked, openDashboard, picture, states } from "../support/start-page";

const minutes = 60_000;
const DOMAIN = "lab.home.arpa";
const url = (page: string, rest = "/") => `https://${page}.${DOMAIN}${rest}`;

/** Pages with a pod here, and what each answers to who may open it. Grafana has no image in a closed network. */
const pages = { prometheus: "Prometheus Server is Healthy.", alertmanager: "OK" } as const;

/** The lab's pages, opened from another computer of the house. */
export function pageSteps(lab: TestLab): void {
  describe("pages for another computer", () => {
    let home: string;
    let authority: string;
    let computer: OtherComputer;
    let password: string;
    let browser: OtherBrowser | undefined;

    const login = (given: string) =>
      computer.open(url("prometheus", "/oauth2/sign_in"), {
        authority,
        form: { username: "admin", password: given, rd: url("alertmanager") },
      });

    /** What a page answers once Traefik and the login know of each other. */
    const opened = async (page: string, rest: string) => {
      const answer = await computer.open(url(page, rest), { authority });
      if (answer.status === 404 || answer.status >= 500) {
        throw new Error(`${page} answers ${answer.status}`);
      }
      return answer;
    };

    beforeAll(async () => {
      home = await fs.mkdtemp(path.join(tmpdir(), "homelab-other-"));
      authority = path.join(home, "ca.crt");
    });
    afterAll(async () => {
      await browser?.close();
      await computer?.unplug();
      await fs.rm(home, { recursive: true, force: true });
    });

    it(
      "have names of the lab's DNS, are certified by its authority, and open with one login only",
      async () => {
        computer = await OtherComputer.pluggedInto(lab, home);
        const [ca, hosts, passwords] = await Promise.all([
          done(lab.lab("ca", "--file", authority)),
          done(lab.lab("hosts")),
          done(lab.unrecorded("passwords", "--json")),
        ]);
        expect(ca.stdout).toContain(`sudo cp ${authority}`);
        const users = JSON.parse(passwords.stdout) as { for: string; user: string; password: string }[];
        password = users.find((row) => row.for === "pages" && row.user === "admin")?.password ?? "";
        expect(password).toHaveLength(20);
        const [address, ...names] = hosts.stdout.trim().split(" ");
        expect(names).toEqual(expect.arrayContaining([...Object.keys(pages), "home", "login", "tasks"].map((page) => `${page}.${DOMAIN}`)));
        expect(await Promise.all(names.map((name) => computer.addressOf(name)))).toEqual(names.map(() => address));

        await expect(computer.open(url("prometheus"))).rejects.toThrow(/certificate/);
        for (const [page, healthy] of Object.entries(pages)) {
          const closed = await eventually(`${page} behind the login`, 60, () => opened(page, "/-/healthy"));
          expect([page, closed.status]).toEqual([page, 403]);
          expect(closed.body).toContain("Log in to the lab");
          expect(closed.body).not.toContain(healthy);
        }
        expect(await computer.open(`http://prometheus.${DOMAIN}/graph`)).toMatchObject({
          status: 301,
          location: url("prometheus", "/graph"),
        });
        // No way around the login.
        await expect(computer.open(`http://${address}:9090/-/healthy`)).rejects.toThrow(/connect/);

        expect(await login(password)).toMatchObject({ status: 302, location: url("alertmanager") });
        for (const [page, healthy] of Object.entries(pages)) {
          const open = await computer.open(url(page, "/-/healthy"), { authority });
          expect([page, open.status, open.body.trim()]).toEqual([page, 200, healthy]);
        }
        expect((await computer.open(url("alertmanager", "/oauth2/sign_out"), { authority })).status).toBe(302);
        expect((await computer.open(url("prometheus", "/-/healthy"), { authority })).status).toBe(403);
      },
      3 * minutes,
    );

    it(
      "show what the lab has and every dashboard to a browser, in the light, in the dark and on a phone",
      async () => {
        const ca = await done(lab.lab("ca", "--file", authority));
        const trust = ca.stdout.match(/^Chrome on Linux\n {2}(certutil .*?) {3}/m)?.[1] ?? "";
        browser = await OtherBrowser.on(computer, trust);
        const { page } = browser;
        const [asked, refused, complaints]: string[][] = [[], [], []];
        page.on("request", (request) => asked.push(request.url()));

        await eventually("the start page behind the login", 60, async () => (await page.goto(url("home")))?.status() === 403);
        expect(await page.textContent("h1")).toBe("Log in to the lab");
        page.on("response", (response) => response.status() >= 400 && refused.push(`${response.status()} ${response.url()}`));
        page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
        page.on("pageerror", (error) => complaints.push(error.message));
        await page.fill("#username", "admin");
        await page.fill("#password", password);
        await page.click("button");
        await page.waitForURL(url("home"));

        const healthy = { Prometheus: "good", Alertmanager: "good", MAAS: "good", Kubernetes: "good", taskd: "good" };
        await eventually("the start page says that all is well", 90, async () => {
          const [services, machines] = [await states(page, "service", "health"), await states(page, "machine", "health")];
          expect([services, machines]).toEqual([expect.objectContaining(healthy), { node1: "good", node2: "good" }]);
          return true;
        });
        expect(await page.textContent('[data-part="maas"]')).toMatch(/2 deployed/i);
        await picture(page, "home");

        for (const { uid } of dashboards("tasks")) {
          const answers = Object.values(await openDashboard(page, uid));
          expect([uid, answers]).toEqual([uid, expect.arrayContaining(["data"])]);
          expect([uid, answers]).not.toEqual([uid, expect.arrayContaining(["error"])]);
          await picture(page, uid);
        }
        expect(notAsked(asked)).toEqual([]);
        expect([refused, complaints]).toEqual([[], []]);
        // Nothing comes from anywhere else.
        const hosts = asked.filter((each) => !each.startsWith("data:")).map((each) => new URL(each).host);
        expect([...new Set(hosts)]).toEqual([`home.${DOMAIN}`]);

        await page.click(".who a");
        await eventually("the login again", 60, async () => (await page.textContent("h1")) === "Log in to the lab");
      },
      5 * minutes,
    );

    it(
      "refuse wrong passwords, and slow down who goes on guessing",
      async () => {
        const guesses = await Promise.all(Array.from({ length: 16 }, () => login("a guess")));
        const statuses = guesses.map(({ status }) => status);
        expect([...new Set(statuses)].sort()).toEqual([401, 429]);
        expect(guesses.find(({ status }) => status === 401)?.body).toContain("Wrong user or password.");
      },
      2 * minutes,
    );
  });
}
