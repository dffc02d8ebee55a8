#!/usr/bin/env node
// Power for machines without a BMC, by MAAS's power type webhook: Wake-on-LAN to switch on, a command of yours to switch
// off, a TCP connection to see. Needs Node 20 and nothing else; runs on any computer in the machines' network:
//   node server.mjs machines.json
//   POST /NAME/on    POST /NAME/off    GET /NAME/status  ->  {"status": "running"} or {"status": "stopped"}
import { execFile } from "node:child_process";
import { timingSafeEqual } from "node:crypto";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect } from "node:net";

/** Six times ff, then the card's address sixteen times. */
function magicPacket(macAddress) {
  const card = Buffer.from(macAddress.replaceAll(/[:-]/g, ""), "hex");
  if (card.length !== 6) throw new Error(`${macAddress} is no MAC address`);
  return Buffer.concat([Buffer.alloc(6, 0xff), ...Array.from({ length: 16 }, () => card)]);
}

function wake({ macAddress, broadcast = "255.255.255.255", port = 9 }) {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    socket.once("error", reject);
    socket.bind(0, () => {
      socket.setBroadcast(true);
      socket.send(magicPacket(macAddress), port, broadcast, (error) => {
        socket.close();
        error ? reject(error) : resolve();
      });
    });
  });
}

function switchOff({ off }) {
  const [program, ...words] = off;
  return new Promise((resolve, reject) => {
    execFile(program, words, { timeout: 30_000 }, (error) => {
      // The connection may break because the machine goes down.
      error && error.code !== 255 ? reject(error) : resolve();
    });
  });
}

/** What was asked of each machine and not seen to be done yet: `on`, or `off` with the time after which what is seen counts again. */
const asked = new Map();
/** Longer than a machine takes to shut down. */
const OFF_LIMIT = 180_000;

/**
 * MAAS looks for 35 seconds whether a machine does as it was told, and a machine boots for longer, with an address of MAAS's choice while
 * it is commissioned: so what was asked is the answer until it is seen.
 */
async function isOn(name, machine) {
  const seen = await isRunning(machine);
  const wanted = asked.get(name);
  if (wanted && seen !== wanted.on && Date.now() < wanted.until) return wanted.on;
  asked.delete(name);
  return seen;
}

/** A refused connection comes from a machine that is on, as while MAAS commissions it. */
function isRunning({ address, probe = 22 }) {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port: probe, timeout: 2000 });
    const end = (running) => {
      socket.destroy();
      resolve(running);
    };
    socket.once("connect", () => end(true));
    socket.once("timeout", () => end(false));
    socket.once("error", (error) => end(error.code === "ECONNREFUSED"));
  });
}

function allowed(header = "", token) {
  const given = Buffer.from(header);
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function powerServer({ token, machines }) {
  return createServer(async (request, response) => {
    const answer = (status, body) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    const [, name = "", verb = ""] = new URL(request.url, "http://localhost").pathname.split("/");
    const machine = Object.hasOwn(machines, name) ? machines[name] : undefined;
    if (!allowed(request.headers.authorization, token)) return answer(401, { error: "wrong or no token" });
    if (!machine) return answer(404, { error: `no machine ${name}` });
    try {
      if (request.method === "POST" && verb === "on") {
        await wake(machine);
        asked.set(name, { on: true, until: Number.POSITIVE_INFINITY });
      } else if (request.method === "POST" && verb === "off") {
        await switchOff(machine);
        asked.set(name, { on: false, until: Date.now() + OFF_LIMIT });
      } else if (request.method !== "GET" || verb !== "status") return answer(404, { error: "POST on, POST off or GET status" });
      answer(200, { status: (await isOn(name, machine)) ? "running" : "stopped" });
    } catch (error) {
      answer(500, { error: error.message });
    }
  });
}

const settings = JSON.parse(readFileSync(process.argv[2] ?? "machines.json", "utf8"));
const { port = 8000, listen = "0.0.0.0" } = settings;
const server = powerServer(settings).listen(port, listen, () => console.log(`listening on ${listen}:${server.address().port}`));
