import { acmeArguments, lateRenewal } from "../../../components/ingress/acme";
import { acmeWatched } from "../../../components/ingress/watched";

const day = 24 * 3600;

describe("certificates that live for another time than 90 days", () => {
  it("are what Traefik is told of, in hours", () => {
    const told = (lifetime?: "24 hours" | "45 days") => acmeArguments({ lifetime }).filter((each) => each.includes("certificatesduration"));
    expect([told(), told("24 hours"), told("45 days")]).toEqual([
      [],
      ["--certificatesresolvers.pages.acme.certificatesduration=24"],
      ["--certificatesresolvers.pages.acme.certificatesduration=1080"],
    ]);
  });

  it("have an alert that fires where Traefik should have renewed them for long, and never before it would", () => {
    expect(lateRenewal()).toBe(21 * day);
    for (const [lifetime, renewed] of [
      ["398 days", 120 * day],
      ["45 days", 10 * day],
      ["6 days", 2 * day],
      ["24 hours", 6 * 3600],
    ] as const) {
      expect([lifetime, lateRenewal(lifetime)]).toEqual([lifetime, Math.round(0.7 * renewed)]);
    }
    expect(JSON.stringify(acmeWatched("24 hours").rules)).toContain(`time() < ${Math.round(0.7 * 6 * 3600)}`);
    expect(JSON.stringify(acmeWatched().rules)).toContain("time() < 21 * 24 * 3600");
  });
});
