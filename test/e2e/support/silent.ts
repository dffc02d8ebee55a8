import type { LabMachine } from "./machines";

/** Opens connections and says nothing. Then asks k3s for something on another one: whether it answers, and how many of the first are open. */
const SILENT = `
import json, resource, select, socket, ssl, sys, time, urllib.request
host, port, count, seconds = sys.argv[1], *map(int, sys.argv[2:])
resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
opened = [socket.create_connection((host, port), 30) for _ in range(count)]
time.sleep(seconds)
poll = select.poll()
for each in opened:
    poll.register(each, select.POLLIN | select.POLLHUP)
with urllib.request.urlopen("https://%s:%d/ping" % (host, port), timeout=20, context=ssl._create_unverified_context()) as answer:
    answered = answer.status == 200
closed = len(poll.poll(0))
print(json.dumps({"opened": len(opened), "open": len(opened) - closed, "answered": answered}))
`;

/** Holds silent connections from a machine to a k3s for some seconds. */
export async function silentConnections(
  from: LabMachine,
  to: { host: string; port: number },
  count: number,
  seconds: number,
): Promise<{ opened: number; open: number; answered: boolean }> {
  return JSON.parse(await from.run("python3", "-c", SILENT, to.host, String(to.port), String(count), String(seconds)));
}
