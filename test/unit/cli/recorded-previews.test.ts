import { renderText, reportOf } from "../../../cli/report/report";
import { places } from "../../e2e/support/kinds-of-change";
import { changes } from "../../support/previews/changes";
import { readFixture } from "../../support/previews/fixture";

/** Previews of the real engine, recorded by test/support/previews/record.ts on a lab that was up. */
describe("the report on a recorded preview", () => {
  it.each(changes.map(({ name, says }) => [says, name]))("of %s", (_, name) => {
    expect(renderText(reportOf("sim", readFixture(name)))).toMatchSnapshot();
  });

  it("has every kind of change applied to a lab by the end-to-end tests, once", () => {
    const applied = Object.values(places).flat().sort();
    // An `up` that changes nothing is a step of its own.
    expect(applied).toEqual(
      changes
        .map(({ name }) => name)
        .filter((name) => name !== "nothing")
        .sort(),
    );
  });

  it("tells what loses data from what does not", () => {
    const destructive = changes.filter(({ name }) => reportOf("sim", readFixture(name)).destructive).map(({ name }) => name);
    expect(destructive).toMatchInlineSnapshot(`
[
  "commissioning-script",
  "disks",
  "user-data-of-the-server",
  "operating-system",
  "address",
  "machine-removed",
  "monitoring-volume",
]
`);
  });
});
