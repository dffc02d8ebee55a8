import { duration, expand, format, legend, level } from "../../../components/start-page/app/format";

describe("values on the start page", () => {
  it.each([
    [0.4567, "percentunit", "45.7 %"],
    [1, "percentunit", "100 %"],
    [0, "bytes", "0 B"],
    [1536, "bytes", "1.5 KiB"],
    [-2048, "Bps", "-2 KiB/s"],
    [8 * 2 ** 30, "bytes", "8 GiB"],
    [1234567, "short", "1.23 M"],
    [999, "short", "999"],
    [0.25, "reqps", "0.25 req/s"],
    [90061, "s", "1 d 1 h"],
    [Number.NaN, "short", "–"],
    [Number.POSITIVE_INFINITY, "bytes", "–"],
  ])("%p in %s is %s", (value, unit, text) => {
    expect(format(value, unit)).toBe(text);
  });

  it.each([
    [0, "0 s"],
    [0.012, "12 ms"],
    [59.9, "59 s"],
    [60, "1 min"],
    [3661, "1 h 1 min"],
    [-7200, "-2 h"],
    [345600, "4 d"],
  ])("%p seconds are %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it("has legends by template, and all labels without one", () => {
    expect(legend("{{instance}} in", { instance: "node1" })).toBe("node1 in");
    expect(legend("{{ missing }}", {})).toBe("");
    expect(legend("", { __name__: "up", job: "maas" })).toBe("job=maas");
  });

  it("knows thresholds that rise and that fall, as Grafana draws them", () => {
    expect([0.5, 0.8, 0.95].map((value) => level(value, [0.7, 0.9]))).toEqual(["good", "warn", "bad"]);
    expect([1, 0.7, 0.2].map((value) => level(value, [1, 0.5]))).toEqual(["good", "warn", "bad"]);
    expect([level(1), level(Number.NaN, [1, 2])]).toEqual(["none", "none"]);
  });

  it("narrows queries to what was chosen, taken literally", () => {
    const query = 'rate(x{instance=~"$instance", other="$instances"}[$__rate_interval])';
    expect(expand(query, undefined, 15)).toBe('rate(x{instance=~".+", other="$instances"}[300s])');
    expect(expand(query, "a.b$&", 600)).toBe('rate(x{instance=~"a\\\\.b\\\\$&", other="$instances"}[2400s])');
  });
});
