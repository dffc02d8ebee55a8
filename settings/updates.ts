import { z } from "zod";

const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, "must be a time such as 02:00");
const weekday = z.enum(["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]);

export const updatesSettings = z.strictObject({
  packages: z
    .enum(["security", "all", "none"])
    .default("none")
    .describe(
      "Packages that the machines update by themselves, once on each day with a window. With none it is left to what their image does by itself.",
    ),
  restart: z
    .enum(["window", "never"])
    .default("never")
    .describe(
      "Restart machines whose update needs it, one at a time: only while nodes and pods are well, no critical alert is firing and no backup runs.",
    ),
  days: z
    .array(weekday)
    .min(1)
    .max(7)
    .default([...weekday.options])
    .refine((days) => new Set(days).size === days.length, "must name each day once")
    .describe("Days on which the window opens."),
  from: time.default("02:00").describe("Time at which the window opens, on the machines' own clocks."),
  to: time.default("05:00").describe("Time at which it closes; on the next day if it is not later than `from`."),
});
