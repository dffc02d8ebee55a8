/** File systems that need no disk, mounted on an allocated machine. */
import { ApiError, conflict } from "../http/answers";
import type { Context } from "../http/context";
import { Form, formErrors, invalidChoice } from "../http/forms";
import { Status, statusName } from "../machine/status";
import { uuid } from "../state/ids";
import type { Node } from "../state/model";

/** The owner's and the administrators', as long as nobody has locked the machine. */
function editable(context: Context): Node {
  const node = context.maas.node(context.parameter("system_id"), "Machine");
  context.requirePermission(!node.locked && (context.isAdmin || node.ownerId === context.user.id));
  const states: number[] = context.isAdmin ? [Status.Ready, Status.Allocated] : [Status.Allocated];
  if (!states.includes(node.status)) {
    throw conflict(
      `Cannot mount the filesystem because the machine is not ${context.isAdmin ? "Allocated or Ready" : "Allocated"} (it is ${statusName(node.status)}).`,
    );
  }
  return node;
}

export function mountSpecial(context: Context) {
  const node = editable(context);
  const form = new Form(context.form);
  const fstype = form.required("fstype", (value) => (["ramfs", "tmpfs"].includes(value) ? undefined : invalidChoice(value)));
  const mountPoint = form.required("mount_point", (value) => (value.startsWith("/") ? undefined : "Enter a valid value."));
  form.done();
  const mounted = node.specialFilesystems ?? [];
  if (mounted.some((one) => one.mount_point === mountPoint)) {
    throw formErrors({ __all__: ["Another filesystem is already mounted at this mount point."] });
  }
  node.specialFilesystems = [
    ...mounted,
    { fstype: fstype!, label: "", uuid: uuid(), mount_point: mountPoint!, mount_options: context.form.get("mount_options") ?? null },
  ];
  context.maas.store.touch();
  return context.maas.render.node.machine(node);
}

export function unmountSpecial(context: Context) {
  const node = editable(context);
  const form = new Form(context.form);
  const mountPoint = form.required("mount_point");
  form.done();
  const mounted = node.specialFilesystems ?? [];
  if (!mounted.some((one) => one.mount_point === mountPoint)) throw new ApiError(400, "No special filesystems match the given query.");
  node.specialFilesystems = mounted.filter((one) => one.mount_point !== mountPoint);
  context.maas.store.touch();
  return context.maas.render.node.machine(node);
}
