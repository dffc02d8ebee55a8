import type { BackupEntry, ServiceEntry, StartPageData } from "../data";
import { alerts, instant, type Sample } from "./api";
import { duration, format, type Level, level } from "./format";
import { useAsked } from "./hooks";

const NOW = () => Date.now() / 1000;
/** A backup older than this is worth a look; the alerts know the settings. */
const OLD_SECONDS = 48 * 3600;

/** What there is, and what is wrong now. */
export function Home({ data }: { data: StartPageData }) {
  return (
    <main>
      <Alerts runbooks={data.runbooks} />
      <section aria-labelledby="services">
        <h2 id="services">Services</h2>
        <div class="cards">
          {data.services.map((service) => (
            <Service key={service.name} service={service} />
          ))}
        </div>
      </section>
      <Machines data={data} />
      <Backups entries={data.backups} />
      <section aria-labelledby="dashboards">
        <h2 id="dashboards">Dashboards</h2>
        <div class="cards">
          {data.dashboards.map(({ uid, title, description }) => (
            <a class="card" key={uid} href={`#${uid}`}>
              <b>{title}</b>
              <span class="quiet">{description}</span>
            </a>
          ))}
        </div>
      </section>
    </main>
  );
}

function Alerts({ runbooks = "" }: { runbooks?: string }) {
  const { value, error } = useAsked(alerts, []);
  const link = (url: string | undefined) => (url && /^https?:/.test(url) ? url : undefined);
  const calm = value !== undefined && value.length === 0;
  return (
    <section class={`alerts ${calm ? "good" : value ? "bad" : "none"}`} aria-live="polite" data-part="alerts">
      {error !== undefined && <p class="bad">Alertmanager does not answer: {error}</p>}
      {value === undefined && error === undefined && <p>…</p>}
      {calm && (
        <p>
          <Dot level="good" /> No alert is firing.
        </p>
      )}
      {value && value.length > 0 && (
        <>
          <h2>
            {value.length} {value.length === 1 ? "alert" : "alerts"} firing
          </h2>
          <ul>
            {value.map(({ labels, annotations, startsAt }) => (
              <li key={JSON.stringify(labels)}>
                <Dot level={labels.severity === "critical" ? "bad" : "warn"} /> <b>{labels.alertname}</b> {annotations.summary}{" "}
                <span class="quiet">for {duration(Math.floor(NOW() - Date.parse(startsAt) / 1000))}</span>{" "}
                {link(annotations.runbook_url) ? (
                  <a href={annotations.runbook_url}>runbook</a>
                ) : (
                  <span class="quiet">{annotations.runbook_url ?? runbooks}</span>
                )}
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

const WORDS: Record<Level, string> = { good: "healthy", warn: "partly down", bad: "down", none: "not measured" };

function Dot({ level: state, text }: { level: Level; text?: string }) {
  return <i class={`dot ${state}`} role="img" aria-label={text ?? WORDS[state]} title={text ?? WORDS[state]} />;
}

function Service({ service: { name, about, url, health } }: { service: ServiceEntry }) {
  const { value } = useAsked(async () => (health ? instant(health) : []), [health]);
  const values = value?.map((sample) => sample.value) ?? [];
  const state: Level = values.length === 0 ? "none" : Math.min(...values) >= 1 ? "good" : Math.max(...values) >= 1 ? "warn" : "bad";
  const inside = (
    <>
      <b>
        <Dot level={state} /> {name}
      </b>
      <span class="quiet">{about}</span>
      {url && <span class="address">{url.replace("https://", "")}</span>}
    </>
  );
  const attributes = { class: "card", "data-service": name, "data-health": state };
  return url ? (
    <a {...attributes} href={url}>
      {inside}
    </a>
  ) : (
    <div {...attributes}>{inside}</div>
  );
}

const USE = {
  up: 'up{job="node-exporter"}',
  ready: 'max by (node) (kube_node_status_condition{condition="Ready", status="true"})',
  cpu: "instance:node_cpu_utilisation:rate5m",
  memory: "instance:node_memory_utilisation:ratio",
  disk: "max by (instance) (instance_device:node_filesystem_utilisation:ratio)",
  maas: 'sum by (status) (maas_machines{job="maas"}) > 0',
} as const;

type Use = Record<keyof typeof USE, Sample[]>;

async function use(): Promise<Use> {
  const keys = Object.keys(USE) as (keyof typeof USE)[];
  const answers = await Promise.all(keys.map((key) => instant(USE[key])));
  return Object.fromEntries(keys.map((key, index) => [key, answers[index]])) as Use;
}

function Machines({ data }: { data: StartPageData }) {
  const { value, error } = useAsked(use, []);
  const of = (key: keyof Use, name: string) => value?.[key].find(({ labels }) => (labels.instance ?? labels.node) === name)?.value;
  const named = data.machines.map(({ name }) => name);
  const others = (value?.up ?? []).map(({ labels }) => labels.instance).filter((name) => !named.includes(name));
  const machines = [...data.machines, ...others.map((name) => ({ name, role: "", address: "" }))];
  const states = value?.maas ?? [];
  return (
    <section aria-labelledby="machines">
      <h2 id="machines">Machines and nodes</h2>
      {error !== undefined && <p class="bad">Prometheus does not answer: {error}</p>}
      <div class="cards wide">
        {machines.map(({ name, role, address }) => {
          const [up, ready] = [of("up", name), of("ready", name)];
          const text = up === 1 ? "up" : up === 0 ? "down" : "not measured";
          return (
            <div class="card" key={name} data-machine={name} data-health={up === 1 ? "good" : up === 0 ? "bad" : "none"}>
              <b>
                <Dot level={up === 1 ? "good" : up === 0 ? "bad" : "none"} text={text} /> {name}
              </b>
              <span class="quiet">
                {[role, address, ready === 1 ? "node Ready" : ready === 0 ? "node not Ready" : "no node"].filter(Boolean).join(" · ")}
              </span>
              <Meter name="CPU" value={of("cpu", name)} thresholds={[0.7, 0.9]} />
              <Meter name="Memory" value={of("memory", name)} thresholds={[0.8, 0.9]} />
              <Meter name="Disk" value={of("disk", name)} thresholds={[0.8, 0.9]} />
            </div>
          );
        })}
      </div>
      {states.length > 0 && (
        <p data-part="maas">
          In MAAS:{" "}
          {states.map(({ labels, value: count }, index) => (
            <span key={labels.status}>
              {index > 0 && ", "}
              <b class={/fail|broken/.test(labels.status) ? "bad" : ""}>{count}</b> {labels.status.replaceAll("_", " ")}
            </span>
          ))}
        </p>
      )}
    </section>
  );
}

function Meter({ name, value, thresholds }: { name: string; value?: number; thresholds: [number, number] }) {
  const text = value === undefined ? "–" : format(value, "percentunit");
  return (
    <div class="meter">
      <span>{name}</span>
      <div class="track">
        <div class={`bar ${level(value ?? Number.NaN, thresholds)}`} style={{ width: `${100 * (value ?? 0)}%` }} />
      </div>
      <span>{text}</span>
    </div>
  );
}

function Backups({ entries }: { entries: readonly BackupEntry[] }) {
  const { value } = useAsked(() => Promise.all(entries.map(({ time }) => instant(time))), []);
  return (
    <section aria-labelledby="backups">
      <h2 id="backups">Last backups</h2>
      <ul class="rows" data-part="backups">
        {entries.map(({ name, label, old = OLD_SECONDS }, index) => {
          const found = value?.[index] ?? [];
          return found.length === 0 ? (
            <li key={name}>
              <Dot level="none" text="none yet" /> {name} <span class="quiet">{value ? "none yet" : "…"}</span>
            </li>
          ) : (
            found.map(({ labels, value: time }) => {
              const age = Math.floor(NOW() - time);
              return (
                <li key={`${name} ${labels[label]}`}>
                  <Dot level={age > old ? "warn" : "good"} text={age > old ? "old" : "recent"} /> {name}{" "}
                  <span class="quiet">{labels[label]}</span> {duration(Math.max(1, age))} ago
                </li>
              );
            })
          );
        })}
      </ul>
    </section>
  );
}
