"""Calls every public method of python-libmaas against a region, and prints how each went as one JSON object.

Usage: MAAS_API_KEY=… every_method.py URL USERNAME PASSWORD

URL ends in /MAAS. The region has one machine with a BMC, m1, that is Ready and has two disks and two cards.
"""
import asyncio
import importlib
import inspect
import io
import json
import os
import pkgutil
import sys

from maas import client as maas
from maas.client import viscera
from maas.client.enum import (
    BlockDeviceType,
    CacheMode,
    InterfaceType,
    IPRangeType,
    LinkMode,
    PowerState,
    RaidLevel,
)

RESULTS = {}


def watch():
    """Notes for each coroutine that a class of the library defines whether its calls ended well."""
    for found in pkgutil.iter_modules(viscera.__path__):
        if found.ispkg:
            continue
        module = importlib.import_module(f"maas.client.viscera.{found.name}")
        for owner in list(vars(module).values()):
            if not inspect.isclass(owner) or owner.__module__ != module.__name__:
                continue
            for name, method in list(vars(owner).items()):
                source = inspect.unwrap(getattr(method, "__func__", method))
                if not name.startswith("_") and inspect.iscoroutinefunction(source):
                    title = f"{found.name}.{owner.__name__}.{name}"
                    RESULTS[title] = "was not called"
                    setattr(owner, name, noting(title, source))


def noting(title, source):
    async def method(*args, **kwargs):
        try:
            result = await source(*args, **kwargs)
            while inspect.isawaitable(result):
                result = await result
        except Exception as error:
            RESULTS[title] = f"{type(error).__name__}: {error} {getattr(error, 'content', b'')!r}"
            raise
        if RESULTS[title] == "was not called":
            RESULTS[title] = "ok"
        return result

    return method


async def attempt(action):
    """A failure is noted where it happens; what follows is tried all the same."""
    try:
        return await action
    except Exception as error:
        print(f"{type(error).__name__}: {error} {getattr(error, 'content', b'')!r}", file=sys.stderr)


async def configuration(client):
    config = client._origin.MAAS
    names = [name[4:] for name in dir(config) if name.startswith("get_") and name != "get_config"]
    for name in names:
        try:
            before = await getattr(config, f"get_{name}")()
            await getattr(config, f"set_{name}")(before)
            after = await getattr(config, f"get_{name}")()
            if after != before and name != "upstream_dns":
                raise ValueError(f"{name} was {before!r} and came back as {after!r}")
        except Exception as error:
            print(name, error, file=sys.stderr)


async def named_things(client):
    origin = client._origin
    await client.version.get()
    await client.users.whoami()
    await client.users.list()
    user = await attempt(client.users.create("carol", "secret", email="carol@example.com"))
    await attempt(origin.User.read("carol"))
    await attempt(user.refresh())

    credentials = await attempt(client.account.create_credentials())
    await attempt(client.account.delete_credentials(credentials))

    for kind, arguments in (
        ("Zone", dict(name="z1", description="a zone")),
        ("ResourcePool", dict(name="p1", description="a pool")),
        ("Tag", dict(name="t1", comment="a tag", definition="", kernel_opts="quiet")),
        ("Domain", dict(name="d1.test", authoritative=True, ttl=30)),
        ("Space", dict(name="s1", description="a space")),
        ("Fabric", dict(name="f1", description="a fabric", class_type="10g")),
    ):
        many, one = getattr(origin, f"{kind}s"), getattr(origin, kind)
        made = await attempt(many.create(**arguments))
        await attempt(many.read())
        await attempt(one.read(made.name if kind in ("Zone", "Tag") else made.id))
        if kind in ("Zone", "ResourcePool"):
            made.description = "changed"
            await attempt(made.save())
            assert made.description == "changed", made
        await attempt(made.delete())

    await attempt(client.fabrics.get_default())
    # The library asks for space 0, which MAAS has not had for years.
    await attempt(client.spaces.get_default())
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHzZyNWgpd0BXrNzcCQWCQz0zWRIP9hXyT2nK8rDzrE1 lab"
    made = await attempt(client.ssh_keys.create(key))
    await attempt(client.ssh_keys.get(made.id))
    await attempt(client.ssh_keys.list())
    await attempt(client.files.list())
    for controllers in (client.rack_controllers, client.region_controllers):
        for controller in await controllers.list():
            await attempt(controllers.get(controller.system_id))


async def networks(client):
    origin = client._origin
    fabric = await client.fabrics.create(name="lab-2")
    vlan = await attempt(fabric.vlans.create(20, name="twenty", mtu=9000))
    await attempt(origin.Vlans.read(fabric))
    await attempt(origin.Vlan.read(fabric, 20))
    vlan.mtu = 1600
    await attempt(vlan.save())
    subnet = await attempt(
        client.subnets.create("10.61.0.0/24", vlan, name="sixty", gateway_ip="10.61.0.1", dns_servers=["10.61.0.2"])
    )
    other = await attempt(client.subnets.create("10.62.0.0/24", vlan))
    await attempt(client.subnets.list())
    await attempt(client.subnets.get(subnet.id))
    subnet.name = "sixty-one"
    await attempt(subnet.save())
    made = await attempt(
        client.ip_ranges.create("10.61.0.10", "10.61.0.20", type=IPRangeType.RESERVED, comment="x", subnet=subnet)
    )
    await attempt(client.ip_ranges.list())
    await attempt(client.ip_ranges.get(made.id))
    await attempt(made.delete())
    route = await attempt(client.static_routes.create(destination=other, source=subnet, gateway_ip="10.61.0.1", metric=10))
    await attempt(client.static_routes.list())
    await attempt(client.static_routes.get(route.id))
    await attempt(route.delete())
    await attempt(other.delete())
    await attempt(subnet.delete())
    await attempt(vlan.delete())
    await attempt(fabric.delete())


async def images(client):
    origin = client._origin
    content = io.BytesIO(b"an image, or something like it" * 10)
    made = await attempt(
        client.boot_resources.create("custom/own", "amd64/generic", content, title="own", chunk_size=100)
    )
    await attempt(client.boot_resources.list())
    await attempt(client.boot_resources.get(made.id))
    await attempt(made.delete())
    await attempt(client.boot_resources.start_import())
    await attempt(client.boot_resources.stop_import())
    source = await attempt(client.boot_sources.create("http://images.example.com/", keyring_filename="/usr/share/keyrings/x.gpg"))
    await attempt(client.boot_sources.list())
    await attempt(client.boot_sources.get(source.id))
    first = (await client.boot_sources.list())[0]
    chosen = list(await attempt(origin.BootSourceSelections.read(first)))
    if not chosen:
        chosen = [await attempt(origin.BootSourceSelections.create(first, "ubuntu", "jammy", arches=["amd64"]))]
    again = await attempt(origin.BootSourceSelection.read(first, chosen[0].id))
    await attempt(again.delete())
    await attempt(origin.BootSourceSelections.create(first, again.os, again.release, arches=["amd64"]))
    await attempt(source.delete())


async def devices_and_pods(client):
    device = await attempt(client.devices.create(["52:54:00:12:34:56"], hostname="printer", zone="default"))
    await attempt(client.devices.list())
    await attempt(client.devices.get(device.system_id))
    await attempt(device.delete())
    pod = await attempt(client.pods.create(type="lxd", power_address="10.20.0.77", name="host", tags="x"))
    await attempt(client.pods.list())
    await attempt(client.pods.get(pod.id))
    await attempt(pod.refresh())
    await attempt(pod.parameters())
    pod.tags = ["y"]
    await attempt(pod.save())
    machine = await attempt(pod.compose(cores=1, memory=1024, hostname="composed"))
    composed = await attempt(client.machines.get(machine["system_id"]))
    await attempt(composed.delete())
    await attempt(pod.delete())


async def interfaces(client, machine):
    origin = client._origin
    cards = await origin.Interfaces.read(machine)
    first, second = cards[0], cards[1]
    await attempt(origin.Interface.read(machine, first.id))
    second.name = "second"
    second.tags = ["uplink"]
    await attempt(second.save())
    fabric = first.vlan.fabric.id
    subnet = next(row for row in await client.subnets.list() if row.vlan.fabric.id == fabric)
    await attempt(second.disconnect())
    second.vlan = subnet.vlan
    await attempt(second.save())
    await attempt(second.links.create(LinkMode.STATIC, subnet=subnet))
    second = await attempt(origin.Interface.read(machine, second.id))
    link = second.links[0]
    await attempt(link.set_as_default_gateway())
    await attempt(machine.clear_default_gateways())
    await attempt(link.delete())
    second = await attempt(origin.Interface.read(machine, second.id))
    tagged = await attempt((await client.fabrics.get(fabric)).vlans.create(30))
    extra = await attempt(machine.interfaces.create(InterfaceType.PHYSICAL, name="third", mac_address="52:54:00:12:34:99", vlan=subnet.vlan))
    for kind, arguments in (
        (InterfaceType.VLAN, dict(parent=first, vlan=tagged)),
        (InterfaceType.BRIDGE, dict(name="br0", parent=first, bridge_stp=True, bridge_fd=10, mtu=1500)),
        (InterfaceType.BOND, dict(name="bond0", parents=[second, extra], bond_mode="active-backup", bond_miimon=100)),
    ):
        made = await attempt(machine.interfaces.create(kind, **arguments))
        assert made.type == kind, made
        await attempt(made.delete())
    await attempt(extra.delete())
    await attempt(tagged.delete())


async def storage(client, machine):
    origin = client._origin
    disks = [disk for disk in await origin.BlockDevices.read(machine) if disk.type == BlockDeviceType.PHYSICAL]
    first, second = disks[0], disks[1]
    await attempt(origin.BlockDevice.read(machine, first.id))
    third = await attempt(
        origin.BlockDevices.create(machine, "sdz", model="M", serial="S1", size=20 * 10**9, block_size=512, tags=["new"])
    )
    fourth = await attempt(origin.BlockDevices.create(machine, "sdy", model="M", serial="S2", size=20 * 10**9))
    third.name = "sdx"
    third.tags = ["renamed"]
    await attempt(third.save())
    await attempt(second.set_as_boot_disk())
    await attempt(first.set_as_boot_disk())
    await attempt(third.format("ext4"))
    await attempt(third.mount("/srv", mount_options="noatime"))
    await attempt(third.unmount())
    await attempt(third.unformat())

    part = await attempt(origin.Partitions.create(third, 5 * 10**9))
    await attempt(origin.Partitions.read(machine, third))
    await attempt(origin.Partition.read(machine, third, part.id))
    await attempt(part.format("ext4"))
    await attempt(part.mount("/var/tmp", mount_options="noatime"))
    await attempt(part.umount())
    await attempt(part.unformat())

    group = await attempt(origin.VolumeGroups.create(machine, "vg0", [part]))
    await attempt(origin.VolumeGroups.read(machine))
    await attempt(origin.VolumeGroup.read(machine, group.id))
    volume = await attempt(origin.LogicalVolumes.create(group, "lv0", 10**9, tags=["log"]))
    await attempt(volume.delete())
    await attempt(group.delete())

    cache = await attempt(origin.BcacheCacheSets.create(machine, part))
    await attempt(origin.BcacheCacheSets.read(machine))
    await attempt(origin.BcacheCacheSet.read(machine, cache.id))
    bcache = await attempt(origin.Bcaches.create(machine, "bcache0", fourth, cache, CacheMode.WRITEBACK))
    await attempt(origin.Bcaches.read(machine))
    # The answer to a creation does not name the machine.
    bcache = await attempt(origin.Bcache.read(machine, bcache.id))
    await attempt(bcache.delete())
    await attempt(cache.delete())
    await attempt(part.delete())

    raid = await attempt(origin.Raids.create(machine, RaidLevel.RAID_1, [third, fourth], name="md0", spare_devices=[]))
    await attempt(origin.Raids.read(machine))
    await attempt(origin.Raid.read(machine, raid.id))
    await attempt(raid.delete())
    await attempt(third.delete())
    await attempt(fourth.delete())


async def life(client):
    made = await attempt(
        client.machines.create(
            "amd64",
            ["52:54:00:12:00:01", "52:54:00:12:00:02"],
            "virsh",
            {"power_address": "qemu+ssh://x@10.20.0.9/system", "power_id": "two"},
            hostname="two",
        )
    )
    await attempt(made.abort(comment="not now"))
    machine = (await client.machines.list(hostnames=["m1"]))[0]
    await interfaces(client, machine)
    await storage(client, machine)
    await attempt(machine.restore_networking_configuration())
    await attempt(machine.restore_storage_configuration())
    await attempt(machine.restore_default_configuration())
    tag = await client.tags.create("own")
    await attempt(machine.tags.add(tag))
    await attempt(machine.tags.remove(tag))
    await attempt(tag.delete())
    await attempt(machine.get_power_parameters())
    await attempt(machine.set_power("virsh", {"power_address": "qemu+ssh://x@10.20.0.9/system", "power_id": "m1"}))
    await attempt(client.machines.get_power_parameters_for([machine.system_id]))
    await attempt(machine.commission(testing_scripts=[], wait=True, wait_interval=0.2))
    await attempt(machine.get_details())
    await attempt(machine.enter_rescue_mode(wait=True, wait_interval=0.2))
    await attempt(machine.exit_rescue_mode(wait=True, wait_interval=0.2))
    machine = await attempt(client.machines.allocate(hostname="m1", tags=[], comment="mine"))
    machine.owner_data = {"purpose": "test"}
    await attempt(machine.save())
    await attempt(machine.mark_broken(comment="odd"))
    await attempt(machine.mark_fixed(comment="fine"))
    machine = await attempt(client.machines.allocate(hostname="m1"))
    await attempt(machine.deploy(user_data=b"#!/bin/sh\n", distro_series="noble"))
    await attempt(machine.get_curtin_config())
    while machine.status_name == "Deploying":
        await asyncio.sleep(0.1)
        await machine.refresh()
    assert machine.status_name == "Deployed", machine
    await attempt(machine.lock(comment="keep"))
    await attempt(machine.unlock(comment="go"))
    await attempt(machine.query_power_state())
    await attempt(machine.power_off(wait=True, wait_interval=0.2))
    await attempt(machine.power_on(wait=True, wait_interval=0.2))
    await attempt(machine.refresh())
    assert machine.power_state == PowerState.ON, machine.power_state
    events = await attempt(client.events.query(hostnames=["m1"], level="DEBUG", limit=3))
    await attempt(events.prev())
    await attempt(events.next())
    await attempt(machine.release(comment="done", wait=True, wait_interval=0.2))
    await attempt(made.delete())


async def run(url, username, password):
    watch()
    await maas.login(url, username=username, password=password)
    client = await maas.connect(url, apikey=os.environ["MAAS_API_KEY"])
    for part in (named_things, configuration, networks, images, devices_and_pods, life):
        await attempt(part(client))
    print(json.dumps(RESULTS, indent=1, sort_keys=True))


if __name__ == "__main__":
    asyncio.run(run(*sys.argv[1:]))
