package main

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
)

// cardOfItsOwn is a network card in a network namespace that ends with the test, and a handle that sees it from any thread.
func cardOfItsOwn(t *testing.T) (netlink.Link, *netlink.Handle) {
	t.Helper()
	// The thread is given up with its namespace: it is never unlocked.
	runtime.LockOSThread()
	if err := syscall.Unshare(syscall.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	handle, err := netlink.NewHandle()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(handle.Close)
	card := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "card"}}
	if err := handle.LinkAdd(card); err != nil {
		t.Fatal(err)
	}
	link, err := handle.LinkByName("card")
	if err != nil {
		t.Fatal(err)
	}
	if err := handle.LinkSetUp(link); err != nil {
		t.Fatal(err)
	}
	return link, handle
}

func TestHolderTakesTheAddressAgainWhenAnotherTookItAway(t *testing.T) {
	link, handle := cardOfItsOwn(t)
	vip, err := newAddress("192.0.2.10", link.Attrs().Name)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	go func() {
		defer cancel()
		for seen := 0; ctx.Err() == nil && seen < 2; {
			addresses, _ := handle.AddrList(link, netlink.FAMILY_V4)
			if len(addresses) == 1 {
				seen++
				_ = handle.AddrDel(link, &addresses[0])
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	vip.keep(ctx)
	if ctx.Err() == context.DeadlineExceeded {
		t.Fatal("the address was not taken twice")
	}
}

func TestRemovingAnAddressThatIsNotThereIsNoError(t *testing.T) {
	link, _ := cardOfItsOwn(t)
	vip, err := newAddress("192.0.2.10", link.Attrs().Name)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := vip.remove(); err != nil {
			t.Fatal(err)
		}
	}
}
