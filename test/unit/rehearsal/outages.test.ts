import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { endpointOf, watchAddresses } from "../../../cli/rehearsal/outages";
import { renderOutages } from "../../../cli/rehearsal/rehearse";

const listen = (server: net.Server, port = 0) =>
  new Promise<number>((resolve) => server.listen(port, "127.0.0.1", () => resolve((server.address() as net.AddressInfo).port)));
const close = (server: net.Server) => new Promise((resolve) => server.close(resolve));
const accepting = () => net.createServer((socket) => socket.destroy());

describe("addresses that are watched", () => {
  it("are told apart from texts", () => {
    expect(endpointOf("https://10.10.10.11:6443")).toEqual({ host: "10.10.10.11", port: 6443 });
    expect(endpointOf("10.10.10.11:53589")).toEqual({ host: "10.10.10.11", port: 53589 });
    expect(endpointOf("./lab open grafana")).toBeUndefined();
  });

  it("are silent while nobody listens", async () => {
    const [steady, interrupted] = [accepting(), accepting()];
    const ports = [await listen(steady), await listen(interrupted)];
    const watching = watchAddresses({
      steady: `http://127.0.0.1:${ports[0]}`,
      interrupted: `http://127.0.0.1:${ports[1]}`,
      gone: "http://127.0.0.1:1",
      text: "not running",
    });
    await sleep(700);
    await close(interrupted);
    await sleep(1_500);
    const again = accepting();
    await listen(again, ports[1]);
    await sleep(1_200);
    const outages = await watching.stop();
    await Promise.all([close(steady), close(again)]);
    expect(outages).toEqual([
      { name: "steady", longest: 0, times: 0, lasting: false },
      { name: "interrupted", longest: expect.any(Number), times: 1, lasting: false },
      { name: "gone", longest: expect.any(Number), times: 1, lasting: true },
    ]);
    expect(outages[1].longest).toBeGreaterThan(0);
  });

  it("are told in a line each", () => {
    const text = renderOutages(
      [
        { name: "API", longest: 0, times: 0, lasting: false },
        { name: "taskd", longest: 3.21, times: 1, lasting: false },
        { name: "Prometheus", longest: 12, times: 2, lasting: true },
      ],
      90,
    );
    expect(text.trim().split("\n").slice(1)).toEqual([
      "  API         always answered",
      "  taskd       silent once, at most 3.2 s",
      "  Prometheus  does not answer at the end",
    ]);
  });
});
