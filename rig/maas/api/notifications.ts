/** What the region tells its users: derived from its own state, and what administrators wrote. */
import { ApiError, crashed, deleted, notFound, text } from "../http/answers";
import type { Context } from "../http/context";
import { Form, invalidChoice, invalidModelChoice, required } from "../http/forms";
import type { Endpoint } from "../http/router";

type Notification = ReturnType<typeof notification>;

function notification(
  id: number,
  ident: string,
  category: string,
  message: string,
  options: { users?: boolean; dismissable?: boolean } = {},
) {
  return {
    ident,
    user: null as null | object,
    users: options.users ?? false,
    admins: true,
    message,
    context: {} as unknown,
    category,
    dismissable: options.dismissable ?? true,
    id,
    resource_uri: `/MAAS/api/2.0/notifications/${id}/`,
  };
}

/** What a region tells its administrators: derived from its state, as far as the simulator knows it. */
function derived({ maas }: Context): Notification[] {
  const series = String(maas.config.commissioning_distro_series);
  const selected = maas.tables.bootSelections.some((row) => row.release === series);
  const list = [
    notification(
      2,
      "deprecation_MD6_admins",
      "warning",
      "DHCP snippets are deprecated and will be removed in the next major release.<br><a class='p-link--external' href='https://maas.io/deprecations/MD6'>How to replace DHCP snippets...</a>",
    ),
    notification(
      4,
      "deprecation_MD5_admins",
      "warning",
      "The PostgreSQL version in use is older than 16.<br><a class='p-link--external' href='https://maas.io/deprecations/MD5'>How to upgrade the PostgreSQL server...</a>",
      { dismissable: false },
    ),
  ];
  if (!selected) {
    list.push(
      notification(
        6,
        "commissioning_series_unselected",
        "error",
        `ubuntu ${series} is configured as the commissioning release but it is not selected for download!`,
        { users: true },
      ),
    );
    list.push(
      notification(
        7,
        "commissioning_series_unavailable",
        "error",
        `ubuntu ${series} is configured as the commissioning release but it is unavailable in the configured streams!`,
        { users: true },
      ),
    );
  }
  if (!maas.tables.vlans.some((vlan) => vlan.dhcpOn)) {
    list.push(
      notification(
        8,
        "dhcp_disabled_all_vlans",
        "warning",
        "DHCP is not enabled on any VLAN.  This will prevent machines from being able to PXE boot, unless an external DHCP server is being used.",
      ),
    );
  }
  return list;
}

const categories = ["error", "warning", "success", "info"];
/** Ids of the derived ones stay below. */
const firstOwnId = 9;

const written = ({ maas }: Context) => maas.tables.notifications as unknown as (Notification & { dismissed: number[] })[];
const show = ({ dismissed: _dismissed, ...row }: Notification & { dismissed?: number[] }) => row;

function relevant(context: Context, row: Notification): boolean {
  const username = (row.user as { username?: string } | null)?.username;
  return (context.isAdmin ? row.admins : row.users) || username === context.user.username;
}

function list(context: Context) {
  const own = written(context).filter((row) => !row.dismissed.includes(context.user.id));
  return [...derived(context), ...own].filter((row) => relevant(context, row)).map(show);
}

function find(context: Context): Notification {
  const wanted = context.parameter("id");
  const row = [...derived(context), ...written(context)].find(({ id }) => String(id) === wanted);
  if (!row) throw notFound("Notification");
  return row;
}

function read(context: Context) {
  const row = find(context);
  if (!relevant(context, row) && !context.isAdmin) throw new ApiError(403, "");
  return show(row);
}

function save(context: Context, row?: Notification) {
  context.requireAdmin();
  const { maas } = context;
  const form = new Form(context.form, !row);
  const message = form.required("message");
  const category = form.optional("category", (value) => (categories.includes(value) ? undefined : invalidChoice(value)));
  const given = form.get("user");
  const user = given ? maas.tables.users.find(({ id }) => String(id) === given) : undefined;
  if (given && !user) form.error("user", invalidModelChoice);
  let details: unknown;
  try {
    details = form.get("context") ? JSON.parse(form.get("context")!) : undefined;
    if (details !== undefined && (typeof details !== "object" || details === null || Array.isArray(details))) {
      form.error("context", "Context is not an object.");
    }
  } catch {
    form.error("context", "Enter a valid JSON.");
  }
  if (form.has("category") && category === "") form.error("category", required);
  form.done();
  const values = {
    ident: form.get("ident"),
    user: user && context.maas.render.network.user(user),
    users: form.boolean("users"),
    admins: form.boolean("admins"),
    message,
    context: details,
    category,
    dismissable: form.boolean("dismissable"),
  };
  const set = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
  if (row) {
    Object.assign(row, set);
    maas.store.touch();
    return show(row);
  }
  const id = maas.store.nextId("notifications", firstOwnId);
  const fresh = { ...notification(id, "", "info", ""), ident: null, admins: false, dismissable: false, ...set, dismissed: [] };
  return show(maas.store.insert("notifications", fresh) as unknown as Notification);
}

function dismiss(context: Context) {
  const row = find(context) as Notification & { dismissed?: number[] };
  if (!relevant(context, row)) throw new ApiError(403, "");
  if (!row.dismissable) throw crashed("Notification is not dismissable");
  row.dismissed?.push(context.user.id);
  context.maas.store.touch();
  return text("");
}

function remove(context: Context) {
  context.requireAdmin();
  const { id } = find(context);
  context.maas.store.remove("notifications", (row) => row.id === id);
  return deleted();
}

export const notificationEndpoints: Endpoint<Context>[] = [
  { path: "notifications/", operations: { GET: list, POST: (context) => save(context) } },
  {
    path: "notifications/{id}/",
    operations: {
      GET: read,
      PUT: (context) => {
        context.requireAdmin();
        return save(context, find(context));
      },
      DELETE: remove,
      "POST dismiss": dismiss,
    },
  },
];
