import { isStatus } from "./errors";
import { type Machine, Status } from "./types";
import { type Context, type Wait, waitFor } from "./wait";

/**
 * Asks MAAS to end rescue mode and follows the machine out of it, also where an earlier run has asked already.
 *
 * MAAS itself switches off a machine that was Ready or Broken before, and restarts a deployed one. Any other machine
 * keeps running and leaves rescue mode only when it is off, so it is switched off here. The query comes first: MAAS
 * takes a deployed machine back as soon as it sees it running.
 */
export async function exitRescue(context: Context, machine: Machine, wait: Omit<Wait, "goal" | "done">): Promise<Machine> {
  const { client, log } = context;
  const path = `machines/${machine.system_id}/`;
  const read = () => client.get<Machine>(path);
  let now = machine;
  if (now.status !== Status.ExitingRescueMode) {
    const settled = async () => {
      const each = await read();
      return each.status === machine.status ? undefined : each;
    };
    await client.post<Machine | null>(path, "exit_rescue_mode", {}, { settled });
    now = await read();
  }
  if (now.status === Status.ExitingRescueMode && now.power_type !== "manual" && (await isOn(context, now))) {
    now = await read();
    if (now.status === Status.ExitingRescueMode) {
      log(`${machine.hostname}: switching it off, as MAAS waits for that`);
      await client.post<Machine | null>(path, "power_off", { stop_mode: "hard" }, { settled: async () => undefined });
      await isOn(context, now);
    }
  }
  return waitFor(context, await read(), {
    ...wait,
    goal: "out of rescue mode",
    done: (each) => each.status !== Status.ExitingRescueMode && each.status !== Status.RescueMode,
  });
}

/** MAAS notes what it sees. A BMC that does not answer now is no reason to give up: MAAS asks it again by itself. */
async function isOn({ client }: Context, { system_id }: Machine): Promise<boolean> {
  try {
    return (await client.get<{ state: string }>(`machines/${system_id}/`, { op: "query_power_state" })).state === "on";
  } catch (error) {
    if (isStatus(error, 500, 503)) {
      return false;
    }
    throw error;
  }
}
